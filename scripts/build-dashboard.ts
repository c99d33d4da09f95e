import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { access, constants as fs, mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import { brotliCompress, constants, gzip } from "node:zlib";
import { defineTool } from "../cli/command.ts";
import { UserError } from "../cli/errors.ts";
import { runTool } from "../cli/run-tool.ts";
import { root } from "../cli/settings.ts";

const folder = path.join(root, "dashboard");
const dist = path.join(folder, "dist");
const stamp = "built-from";
const vite = path.join(root, "node_modules", "vite", "bin", "vite.js");
const buildMaxMs = 120_000;

/** What the page is made of, as one hash: its sources, the rules that it shares, and the versions of all packages. */
async function sourcesHash(): Promise<string> {
  const listed = [path.join(folder, "src"), path.join(root, "contracts")].map((source) =>
    readdir(source, { recursive: true, withFileTypes: true }),
  );
  const entries = (await Promise.all(listed)).flat().filter((entry) => entry.isFile());
  const sources = entries.map((entry) => path.join(entry.parentPath, entry.name));
  const files = [
    ...sources.sort(),
    ...["index.html", "vite.config.ts"].map((name) => path.join(folder, name)),
    path.join(root, "package-lock.json"),
  ];
  const hash = createHash("sha256");
  for (const file of files) hash.update(path.relative(root, file)).update(await readFile(file));
  return hash.digest("hex");
}

/** Builds the dashboard's page unless it was built from these sources already. Several processes may do so at once. */
export async function buildDashboard(report: (text: string) => void): Promise<void> {
  const hash = await sourcesHash();
  const built = await readFile(path.join(dist, stamp), "utf8").catch(() => "");
  if (built === hash) return;
  await checkPossible();
  report("dashboard: building (after an install or a change)");
  const outDir = path.join(folder, `dist-${process.pid}`);
  const old = `${outDir}-old`;
  try {
    // A process of its own: what the environment of this one says, as a test's does, must not change the page.
    await promisify(execFile)(
      process.execPath,
      [vite, "build", folder, "--outDir", outDir, "--emptyOutDir", "--logLevel", "warn"],
      { env: { ...process.env, NODE_ENV: "production" }, timeout: buildMaxMs },
    );
    await compress(path.join(outDir, "assets"));
    await mkdir(outDir, { recursive: true });
    await writeFile(path.join(outDir, stamp), hash);
    if (existsSync(dist)) await rename(dist, old);
    await rename(outDir, dist);
  } catch (error) {
    // Another process was quicker, with the same sources.
    if ((await readFile(path.join(dist, stamp), "utf8").catch(() => "")) !== hash) throw error;
  } finally {
    await rm(outDir, { recursive: true, force: true });
    await rm(old, { recursive: true, force: true });
  }
}

/** Throws a UserError that says what to change where the page cannot be built. */
async function checkPossible(): Promise<void> {
  if (!existsSync(vite)) {
    throw new UserError(
      "The dashboard cannot be built without the development packages: run npm install --include=dev.",
    );
  }
  await access(folder, fs.W_OK).catch((cause) => {
    const advice = "Run npm run build:dashboard as its owner, or make it writable";
    throw new UserError(`The dashboard cannot be built: ${folder} is not writable. ${advice}.`, { cause });
  });
}

/** Writes a compressed copy next to each file, so that the edge compresses nothing while it serves. */
async function compress(assets: string): Promise<void> {
  for (const name of await readdir(assets)) {
    const file = path.join(assets, name);
    const bytes = await readFile(file);
    const params = { [constants.BROTLI_PARAM_QUALITY]: 9 };
    await writeFile(`${file}.br`, await promisify(brotliCompress)(bytes, { params }));
    await writeFile(`${file}.gz`, await promisify(gzip)(bytes, { level: 9 }));
  }
}

export const buildDashboardTool = defineTool({
  call: "npm run build:dashboard",
  summary: "Builds the dashboard's page, unless it was built from these sources already.",
  run: () => buildDashboard((text) => process.stdout.write(`${text}\n`)),
});

if (import.meta.main) runTool(buildDashboardTool);
