import { chmod, readFile, rename, rm, writeFile } from "node:fs/promises";
import path from "node:path";

export interface Listed {
  address: string;
  pid: number;
  /** The URL of its metrics. */
  metrics: string;
}

/** `run.json` in the data directory: every process of a running cluster. It holds the database's password. */
export interface RunFile {
  launcher: { pid: number };
  /** Where people reach the dashboard and clients the API. */
  publicUrl: string;
  edges: { url: string; pid: number; metrics: string; rpc: string }[];
  auth: Listed[];
  quota: Listed[];
  qr: Listed[];
  postgres: { url: string; pid: number | null };
  nats: { url: string; pid: number | null } | null;
}

function fileOf(dataDir: string): string {
  return path.join(dataDir, "run.json");
}

/** Returns the list of running processes; undefined if there is none that can be read. */
export async function readRunFile(dataDir: string): Promise<RunFile | undefined> {
  try {
    return JSON.parse(await readFile(fileOf(dataDir), "utf8")) as RunFile;
  } catch (error) {
    if (error instanceof SyntaxError || (error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** Replaces the list in one step, readable to its owner alone. */
export async function writeRunFile(dataDir: string, content: RunFile): Promise<void> {
  const next = `${fileOf(dataDir)}.next`;
  await writeFile(next, `${JSON.stringify(content, null, 2)}\n`, { mode: 0o600 });
  await chmod(next, 0o600);
  await rename(next, fileOf(dataDir));
}

export async function removeRunFile(dataDir: string): Promise<void> {
  await rm(fileOf(dataDir), { force: true });
}

/** Whether a process exists. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
