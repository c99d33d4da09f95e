import { access, type FileHandle, open, rename, rm } from "node:fs/promises";
import { loadConfig } from "../platform/config.ts";
import { createLogger } from "../platform/log.ts";
import { openPool } from "../platform/sql.ts";
import { defineTool } from "./command.ts";
import { writeDump } from "./dump.ts";
import { findSuite } from "./find-suite.ts";
import { Problem } from "./problem.ts";
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
  const databaseUrl = config.databaseUrl || (await findSuite(config.dataDir, "set DATABASE_URL")).postgres.url;
  // Whole or not at all.
  const partial = `${file}.partial`;
  const opened = await openNew(file, partial);
  const log = createLogger({ service: "backup", level: "error" });
  const sql = openPool({ ...config, databaseUrl, databasePoolSize: 1, statementTimeoutMs: 0, schema: "backup", log });
  try {
    await writeDump(sql, opened.createWriteStream({ flush: true }));
    await rename(partial, file);
  } catch (error) {
    await rm(partial, { force: true });
    throw error;
  } finally {
    await sql.end({ timeout: 2 });
  }
  process.stdout.write(`${file}\n`);
}

/** Opens a file that is not there yet, to be renamed to another that is not there either. */
async function openNew(file: string, partial: string): Promise<FileHandle> {
  const isThere = await access(file).then(
    () => true,
    () => false,
  );
  if (isThere) throw new Problem(`${file} is there already. Name another file.`);
  try {
    return await open(partial, "wx", 0o600);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new Problem(
      code === "EEXIST"
        ? `${partial} is there: another backup is being written, or was cut short. Remove it in the latter case.`
        : `${file} cannot be written: ${message}.`,
      { cause: error },
    );
  }
}

if (import.meta.main) runTool(backupTool);
