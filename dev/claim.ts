import { existsSync } from "node:fs";
import { mkdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import path from "node:path";
import { UserError } from "../cli/errors.ts";
import { isAlive, readRunFile, removeRunFile } from "../cli/state-file.ts";
import { freePort, probePort } from "./ports.ts";

const mend = "Set QRFORGE_DATA_DIR to a folder of your own.";

/** Makes the data directory this launcher's own. Throws a UserError if it is another user's or launcher's, or cannot be written. */
export async function claimDataDir(dataDir: string, report: (text: string) => void): Promise<void> {
  try {
    await mkdir(dataDir, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new UserError(`${dataDir} cannot be made: ${(error as Error).message}. ${mend}`, { cause: error });
  }
  const uid = process.getuid?.();
  const ownerUid = (await stat(dataDir)).uid;
  if (uid !== undefined && ownerUid !== uid) {
    throw new UserError(`${dataDir} belongs to user ${ownerUid}, and you are ${uid}. Start as that user, or: ${mend}`);
  }
  const runFile = path.join(dataDir, "run.json");
  const owner = Number.parseInt(await readFile(lockOf(dataDir), "utf8").catch(() => ""), 10);
  const running = owner || (await readRunFile(dataDir))?.launcher?.pid;
  if (running && running > 0 && isAlive(running)) {
    const files = `${lockOf(dataDir)} and ${runFile}`;
    throw new UserError(
      `QRForge is running here already (pid ${running}). Stop it, or set QRFORGE_DATA_DIR (and QRFORGE_PORT) to start ` +
        `another. If that process is something else, delete ${files}.`,
    );
  }
  await takeLock(dataDir);
  if (existsSync(runFile)) {
    report("run.json was left by a suite that has ended; it is replaced");
    await removeRunFile(dataDir);
  }
}

async function takeLock(dataDir: string): Promise<void> {
  try {
    await releaseDataDir(dataDir);
    await writeFile(lockOf(dataDir), String(process.pid), { flag: "wx", mode: 0o600 });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new UserError(
      code === "EEXIST"
        ? `Another launcher has just begun to start in ${dataDir}.`
        : `${dataDir} cannot be written: ${message}. Make it writable, or: ${mend}`,
      { cause: error },
    );
  }
}

/** Held, with the launcher's pid in it, from before anything is started until everything has stopped. */
function lockOf(dataDir: string): string {
  return path.join(dataDir, "launcher.pid");
}

export async function releaseDataDir(dataDir: string): Promise<void> {
  await rm(lockOf(dataDir), { force: true });
}

/** Returns `count` free ports: `first` and those that follow, or if `first` is 0 any, and none of `except`. */
export async function claimPorts(host: string, first: number, count: number, except: number[] = []): Promise<number[]> {
  const ports: number[] = [];
  for (let index = 0; index < count; index++) {
    ports.push(
      await (first === 0 ? freePort(host, [...except, ...ports]) : probePort(first + index, host)).catch(explain),
    );
  }
  return ports;

  function explain(error: NodeJS.ErrnoException): never {
    const port = `Port ${first + ports.length} of ${host}`;
    const choose = "choose another: QRFORGE_PORT=9080 npm start";
    const following = count > 1 ? ` (${count} edges take ${count} ports in a row)` : "";
    if (error.code === "EADDRINUSE") {
      throw new UserError(`${port} is in use${following}. Stop what uses it, or ${choose}`, { cause: error });
    }
    if (error.code === "EACCES") {
      throw new UserError(`${port} is kept for root on this machine. Put a proxy before it, or ${choose}`, {
        cause: error,
      });
    }
    throw new UserError(`${port} cannot be used (${error.message}). Please ${choose}`, { cause: error });
  }
}
