/**
 * Notes which clusters run from this folder of the project, each in its own data directory, so that the operator's tools find
 * one without being told where its data is. One small file for each launcher, named by its pid.
 */
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { isAlive, readRunFile } from "./state-file.ts";

/** Notes this launcher's data directory. Returns what removes the note. */
export async function noteRunning(folder: string, dataDir: string): Promise<() => Promise<void>> {
  const note = path.join(folder, String(process.pid));
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await writeFile(note, dataDir, { mode: 0o600 });
  return () => rm(note, { force: true });
}

/** Returns the data directories of the clusters that run now, and removes the notes of those that have ended. */
export async function listRunning(folder: string): Promise<string[]> {
  const found: string[] = [];
  for (const name of await readdir(folder).catch(() => [])) {
    const dataDir = await readFile(path.join(folder, name), "utf8").catch(() => undefined);
    const launcher = dataDir && (await readRunFile(dataDir).catch(() => undefined))?.launcher.pid;
    if (dataDir && launcher === Number(name) && isAlive(launcher)) found.push(dataDir);
    else if (!isAlive(Number(name))) await rm(path.join(folder, name), { force: true }).catch(() => {});
  }
  return found.sort();
}
