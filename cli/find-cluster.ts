import path from "node:path";
import { UserError } from "./errors.ts";
import { listRunning } from "./running.ts";
import { root, runningDir } from "./settings.ts";
import { isAlive, type RunFile, readRunFile } from "./state-file.ts";

/** A running cluster, and the file that lists it. */
export type FoundCluster = RunFile & { file: string };

/**
 * Finds the cluster that npm start runs here: the one of `dataDir` if QRFORGE_DATA_DIR is set; else the one of the default
 * folder, or the only one that was started from this folder of the project. Fails with a UserError that says what to set if
 * there is none, or more than one to choose from; `orElse` says what else may be done.
 */
export async function findCluster(
  dataDir: string,
  orElse: string,
  { isChosen = Boolean(process.env.QRFORGE_DATA_DIR), running = runningDir } = {},
): Promise<FoundCluster> {
  const folder = path.resolve(root, dataDir);
  const own = await readCluster(folder);
  if (own) return own;
  const others = (await listRunning(running)).filter((other) => other !== folder);
  if (!isChosen && others.length === 1) {
    const only = await readCluster(others[0] as string);
    if (only) return only;
  }
  const choices = others.map((other) => `QRFORGE_DATA_DIR=${other}`).join(" or ");
  const another = choices ? `set ${choices} to use one that runs` : "set QRFORGE_DATA_DIR to another's folder";
  throw new UserError(`No suite runs in ${folder}. Start one with npm start, ${another}, or ${orElse}.`);
}

/** Returns the list of the cluster of a folder; undefined unless its launcher runs. */
async function readCluster(folder: string): Promise<FoundCluster | undefined> {
  const file = path.join(folder, "run.json");
  const listed = await readRunFile(folder).catch((error: NodeJS.ErrnoException) => {
    const advice = "Run this as the user who runs npm start, or set QRFORGE_DATA_DIR to a folder of your own.";
    throw new UserError(`${file} cannot be read (${error.code ?? error.message}). ${advice}`, { cause: error });
  });
  return listed && isAlive(listed.launcher.pid) ? { ...listed, file } : undefined;
}
