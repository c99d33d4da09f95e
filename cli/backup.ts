import { randomBytes } from "node:crypto";
import { rmSync } from "node:fs";
import { access, type FileHandle, open, rename } from "node:fs/promises";
import { constants } from "node:os";
import path from "node:path";
import { loadConfig } from "../platform/process/config.ts";
import { type DatabaseRun, withDatabase } from "./backup/database.ts";
import { writeBackup } from "./backup/write.ts";
import { defineTool } from "./command.ts";
import { UserError } from "./errors.ts";
import { findCluster } from "./find-cluster.ts";
import { runTool } from "./run-tool.ts";
import { operatorSettings } from "./settings.ts";

export const backupTool = defineTool({
  call: "npm run -s backup",
  summary: "Writes all data of a deployment, as of one moment, to a file.",
  details:
    "It reads the suite that npm start runs here, or DATABASE_URL. The suite goes on meanwhile. npm run -s restore brings the data back.",
  arguments: {
    file: { type: "text", value: "FILE", meaning: "where to write; it must not exist yet", required: true },
  },
  run: ({ file }) => backup(file),
});

async function backup(file: string): Promise<void> {
  const config = loadConfig(operatorSettings);
  const databaseUrl = config.databaseUrl || (await findCluster(config.dataDir, "set DATABASE_URL")).postgres.url;
  await backUp(file, { databaseUrl, databasePassword: config.databasePassword });
  process.stdout.write(`${file}\n`);
}

/** Writes a backup of a database to a file: whole, or not at all, however the process ends. */
export async function backUp(file: string, database: DatabaseRun): Promise<void> {
  await throwIfFileExists(file);
  // A name of its own, so that what a killed run left is in nobody's way.
  const partial = `${file}.${randomBytes(4).toString("hex")}.partial`;
  const opened = await openNew(file, partial);
  const removePartial = () => rmSync(partial, { force: true });
  process.once("exit", removePartial);
  for (const signal of signals) process.once(signal, endBySignal);
  try {
    await withDatabase("backup", database, (sql, watch) =>
      writeBackup(sql, opened.createWriteStream({ flush: true }), watch),
    );
    // Another may have been written meanwhile.
    await throwIfFileExists(file);
    await rename(partial, file);
  } catch (error) {
    throw explainFull(error, file);
  } finally {
    removePartial();
    process.off("exit", removePartial);
    for (const signal of signals) process.off(signal, endBySignal);
  }
}

const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

function endBySignal(signal: NodeJS.Signals): void {
  process.stderr.write("Stopped; no backup was written.\n");
  process.exit(128 + constants.signals[signal]);
}

async function throwIfFileExists(file: string): Promise<void> {
  const isThere = await access(file).then(
    () => true,
    () => false,
  );
  if (isThere) throw new UserError(`${file} is there already. Name another file.`);
}

/** Opens a new file in the folder of the backup. */
async function openNew(file: string, partial: string): Promise<FileHandle> {
  try {
    return await open(partial, "wx", 0o600);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new UserError(
      code === "ENOENT"
        ? `There is no folder ${path.dirname(path.resolve(file))}. Make it, or name a file elsewhere.`
        : `${file} cannot be written: ${message}.`,
      { cause: error },
    );
  }
}

function explainFull(error: unknown, file: string): unknown {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code !== "ENOSPC" && code !== "EDQUOT" && code !== "EFBIG") return error;
  const folder = path.dirname(path.resolve(file));
  return new UserError(
    `There is no room for the backup in ${folder} (${message}). Make room, or name a file elsewhere.`,
    {
      cause: error,
    },
  );
}

if (import.meta.main) runTool(backupTool);
