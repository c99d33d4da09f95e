/**
 * Backs up and restores a deployment in use, many times in a row: clients create codes and scan them meanwhile. Each restore,
 * into a database of its own, holds every table against the rows and the checksum of the backup. After the last round what
 * was restored is held against the source itself, by another hash.
 *
 *     npm run drill:backup [-- --rounds N --codes N --scans N --logos N --answers N]
 */
import { rm, stat } from "node:fs/promises";
import path from "node:path";
import { skippedTables } from "../../cli/backup/write.ts";
import { readScriptOptions } from "../../cli/run-tool.ts";
import { startEphemeralCluster } from "../../dev/ephemeral-cluster.ts";
import { inParallel } from "../../dev/seed/work.ts";
import { Plan } from "../../gen/qrforge/auth/v1/account_pb.ts";
import { newId } from "../../platform/ids.ts";
import type { Sql } from "../../platform/postgres/pool.ts";
import { addressesOf } from "../support/addresses.ts";
import { call, openAuth } from "../support/api.ts";
import { createDatabase, openTestPool, sumTables } from "../support/filled.ts";
import { runProgram } from "../support/run.ts";
import { seed } from "../support/seed.ts";

export interface DrillOptions {
  rounds: number;
  codes: number;
  scans: number;
  logos: number;
  /** Kept answers to requests with an Idempotency-Key. */
  answers: number;
  report(line: string): void;
}

export interface DrillReport {
  rounds: number;
  /** Requests that clients made while backups ran. */
  requests: number;
  /** The most that a process had in memory, in bytes. */
  backupMemory: number;
  restoreMemory: number;
  /** Tables that were the same before and after the last backup, and in what was restored. */
  equalTables: string[];
  /** Such tables that differ in what was restored. */
  differentTables: string[];
}

/** How long a tool may take with a large deployment, in ms. */
const toolTimeoutMs = 1_800_000;
/** Makes Node print the most memory that it had, in kB, at its end. */
const printMemory = 'data:text/javascript,process.on("exit",()=>console.log("memory",process.resourceUsage().maxRSS))';

/** Runs a tool and returns the most memory that it had, in bytes. Fails if it does. */
async function run(tool: "backup" | "restore", file: string, env: Record<string, string>): Promise<number> {
  const args = ["--import", printMemory, `cli/${tool}.ts`, file];
  const { code, output } = await runProgram("node", args, { env, timeout: toolTimeoutMs });
  const [, memory] = /^memory (\d+)$/m.exec(output) ?? [];
  if (code !== 0 || !memory) throw new Error(`${tool} ended with ${code}: ${output}`);
  return Number(memory) * 1_024;
}

/** Creates and scans codes until it is stopped. */
function startClients(edge: string, key: string): { requests(): number; stop(): Promise<void> } {
  let isStopped = false;
  let requests = 0;
  const client = async () => {
    while (!isStopped) {
      const { slug } = await createCode(edge, key);
      const { status } = await call(`${edge}/${slug}`);
      if (status !== 302) throw new Error(`a scan was answered with ${status}`);
      requests += 2;
    }
  };
  const running = Promise.all([client(), client()]);
  // It is reported when the clients are stopped.
  running.catch(() => {});
  return {
    requests: () => requests,
    async stop() {
      isStopped = true;
      await running;
    },
  };
}

async function createCode(edge: string, key: string): Promise<{ slug: string }> {
  const body = { name: "Drill", redirect_url: "https://example.com/drill" };
  const {
    status,
    text,
    body: answer,
  } = await call(`${edge}/v1/qr-codes`, {
    key,
    body,
    headers: { "idempotency-key": newId() },
  });
  if (status !== 201) throw new Error(`a creation was answered with ${status}: ${text}`);
  return answer.data;
}

/** Holds a restored database against its source, for the tables that nobody changes any more. */
function compare(before: Record<string, string>, after: Record<string, string>, restored: Record<string, string>) {
  const still = Object.keys(before).filter((table) => before[table] === after[table]);
  const isEqual = (table: string) => restored[table] === before[table];
  return { equalTables: still.filter(isEqual), differentTables: still.filter((table) => !isEqual(table)) };
}

async function sums(databaseUrl: string): Promise<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(await sumTables(databaseUrl)).filter(([table]) => !skippedTables.has(table)),
  );
}

export async function drill(options: DrillOptions): Promise<DrillReport> {
  const { rounds, codes, scans, logos, answers, report } = options;
  const { cluster, dataDir, end } = await startEphemeralCluster();
  const own = { QRFORGE_DATA_DIR: dataDir, DATABASE_URL: "", NATS_URL: "" };
  const server: Sql = openTestPool(cluster.databaseUrl);
  const result: DrillReport = {
    rounds,
    requests: 0,
    backupMemory: 0,
    restoreMemory: 0,
    equalTables: [],
    differentTables: [],
  };
  try {
    report(`filling with ${codes} codes, ${scans} scans, ${logos} logos, ${answers} kept answers`);
    await seed(own, { codes, scans, logos, accounts: 5 }, toolTimeoutMs);
    const edge = cluster.edgeUrls()[0] as string;
    const auth = openAuth(addressesOf(cluster, "auth"));
    const { key } = await auth.newAccount(Plan.ENTERPRISE, { perMinute: 0n, perDay: 0n });
    auth.close();
    await inParallel(4, Array(answers).keys(), async () => void (await createCode(edge, key)));

    /** Backs up and restores once. Returns the URL of what was restored. */
    async function once(round: number): Promise<string> {
      const file = path.join(dataDir, `drill-${round}.sql.gz`);
      const startedAt = performance.now();
      result.backupMemory = Math.max(result.backupMemory, await run("backup", file, own));
      const backedUpAt = performance.now();
      const databaseUrl = await createDatabase(server, cluster.databaseUrl);
      result.restoreMemory = Math.max(result.restoreMemory, await run("restore", file, { DATABASE_URL: databaseUrl }));
      const seconds = (ms: number) => (ms / 1_000).toFixed(1);
      report(
        `round ${round}: ${((await stat(file)).size / 1e6).toFixed(1)} MB, backed up in ${seconds(backedUpAt - startedAt)} s, ` +
          `restored in ${seconds(performance.now() - backedUpAt)} s`,
      );
      await rm(file);
      return databaseUrl;
    }

    for (let round = 1; round < rounds; round++) {
      const clients = startClients(edge, key);
      const databaseUrl = await once(round).finally(() => clients.stop());
      result.requests += clients.requests();
      await server`drop database ${server(new URL(databaseUrl).pathname.slice(1))} with (force)`;
    }
    const before = await sums(cluster.databaseUrl);
    const last = await once(rounds);
    return { ...result, ...(await compare(before, await sums(cluster.databaseUrl), await sums(last))) };
  } finally {
    await server.end({ timeout: 2 });
    await end();
  }
}

async function main(): Promise<void> {
  const amount = (fallback: number, meaning: string) =>
    ({ type: "integer", value: "N", default: fallback, min: 1, max: 100_000_000, meaning }) as const;
  const options = readScriptOptions({
    call: "npm run drill:backup",
    summary: "Backs up and restores a deployment in use, many times in a row.",
    options: {
      rounds: amount(20, "how many backups and restores"),
      codes: amount(20_000, "how many codes"),
      scans: amount(3_000_000, "how many scans"),
      logos: amount(50, "how many logos"),
      answers: amount(5_000, "how many kept answers to requests with an Idempotency-Key"),
    },
  });
  const report = await drill({ ...options, report: (line) => process.stderr.write(`${line}\n`) });
  process.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
  if (report.differentTables.length > 0) process.exitCode = 1;
}

if (import.meta.main) await main();
