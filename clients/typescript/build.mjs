/** Builds the package: dist/esm and dist/cjs, each with its types. Needs `tsc` on the PATH, as `npm run` sets it. */
import { execSync } from "node:child_process";
import { rmSync, writeFileSync } from "node:fs";

process.chdir(import.meta.dirname);
rmSync("dist", { recursive: true, force: true });
execSync("tsc -p . --outDir dist/esm", { stdio: "inherit" });
execSync("tsc -p . --outDir dist/cjs --module commonjs --moduleResolution bundler", { stdio: "inherit" });
writeFileSync("dist/cjs/package.json", '{ "type": "commonjs" }\n');
