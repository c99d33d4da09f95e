/**
 * The cluster as on several machines, on one: services at 2 to 4 replicas, three NATS servers, Postgres with a synchronous
 * standby. While clients create, scan, edit, use up a limit and revoke, the NATS server that leads the queue of scans is
 * killed, then the primary, and the standby takes over. Then what clients were told is held against what is there.
 *
 *     npm run cluster [-- --seconds N]
 */
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { readScriptOptions } from "../../cli/run-tool.ts";
import { type Kind, startCluster } from "../../dev/cluster.ts";
import { ephemeralOptions } from "../../dev/ephemeral-cluster.ts";
import { scanQueue } from "../../platform/messaging/users.ts";
import { eventually, openAuth } from "../support/api.ts";
import { startLoad, type Told } from "./load.ts";
import { startNatsCluster } from "./nats.ts";
import { onServer, startPair } from "./postgres.ts";

const replicas: Record<Kind, number> = { auth: 2, quota: 3, qr: 2, edge: 4 };
const { stream } = scanQueue;
const drainMaxMs = 60_000;

export interface Report {
  told: Told;
  /** How long it took until every kind of request succeeded again after a fault, by fault, in ms. */
  recoveredMs: Record<string, number>;
  promotedMs: number;
  /** Scans that were redirected, and those that are counted. */
  scans: { redirected: number; counted: number };
  /** Acknowledged codes that are not there, or not as they were acknowledged. */
  codesLost: string[];
  limit: { perDay: number; admittedBeforeFailover: number; charged: number };
}

/** Runs the experiment; each of its phases takes so many seconds. A string says why it cannot be run here. */
export async function runExperiment(options: {
  phaseS: number;
  perDay: number;
  report(text: string): void;
}): Promise<Report | string> {
  const { report } = options;
  const folder = await mkdtemp(path.join(tmpdir(), "qrforge-cluster-"));
  const aborting = new AbortController();
  const stops: (() => Promise<unknown>)[] = [() => rm(folder, { recursive: true, force: true })];
  const phase = () => new Promise((resolve) => setTimeout(resolve, options.phaseS * 1_000));
  try {
    const nats = await startNatsCluster(path.join(folder, "nats"));
    if (typeof nats === "string") return `no nats-server: ${nats}`;
    stops.push(() => nats.stop());
    report(`NATS: ${nats.nodes.length} servers`);
    const pair = await startPair(folder, aborting.signal, { synchronous: true });
    stops.push(() => pair.stop());
    report("Postgres: a primary and a synchronous standby");
    const dataDir = path.join(folder, "cluster");
    await mkdir(dataDir);
    const onNats = { NATS_REPLICAS: "3" };
    const cluster = await startCluster({
      ...ephemeralOptions,
      dataDir,
      replicas,
      databaseUrl: pair.url,
      natsUrl: nats.url,
      env: { auth: onNats, edge: onNats, qr: { ...onNats, DATABASE_READ_URL: pair.standby.url } },
      restart: true,
      report,
    });
    stops.push(() => cluster.stop());
    const auth = openAuth(cluster.members("auth").map(({ address }) => address));
    stops.push(async () => auth.close());

    const load = await startLoad({ edges: cluster.edgeUrls(), auth, perDay: options.perDay });
    const recoveredMs: Record<string, number> = {};
    async function recovered(fault: string): Promise<void> {
      recoveredMs[fault] = await load.worksAgain(drainMaxMs);
      report(`after ${fault}: everything works again within ${recoveredMs[fault]} ms`);
    }
    await phase();
    const leader = await nats.leaderOf(stream);
    await leader.kill();
    report(`${leader.name}, which led the queue of scans, was killed`);
    await recovered("the death of a NATS server");
    await phase();
    await leader.start();
    await eventually(
      () => nats.currentReplicas(stream),
      (current) => current === 3,
      drainMaxMs,
    );
    report(`${leader.name} is back and has all scans`);
    const admittedBeforeFailover = load.told.admitted;
    const promotedMs = Math.round(await pair.failOver());
    report(`the primary was killed, and the standby promoted in ${promotedMs} ms`);
    await recovered("the failover of Postgres");
    await phase();
    await load.stop();
    report("clients have stopped; scans are being counted");

    const { told } = load;
    const redirected = [...told.codes.values()].reduce((sum, { scans }) => sum + scans, 0);
    const ids = [...told.codes.values()].map(({ id }) => id);
    const count = () =>
      onServer(pair.standby.url, async (sql) => {
        const [row] = await sql<[{ scans: string }]>`
          select coalesce(sum(scans), 0) as scans from qr.scan_days where code_id = any(${ids})`;
        return Number(row.scans);
      });
    const counted = await eventually(count, (scans) => scans >= redirected, drainMaxMs).catch(count);
    const { codesLost, charged } = await onServer(pair.standby.url, async (sql) => {
      const rows = await sql<{ codeId: string; url: string }[]>`
        select code_id as "codeId", redirect_url as url from qr.codes where code_id = any(${ids})`;
      const there = new Map(rows.map(({ codeId, url }) => [codeId, url]));
      const lost = [...told.codes]
        .filter(([, { id, redirectUrl }]) => there.get(id) !== redirectUrl)
        .map(([slug]) => slug);
      const [row] = await sql<[{ charged: string }]>`
        select coalesce(max(day_used), 0) as charged from quota.windows where per_day = ${options.perDay}`;
      return { codesLost: lost, charged: Number(row.charged) };
    });
    return {
      told,
      recoveredMs,
      promotedMs,
      scans: { redirected, counted },
      codesLost,
      limit: { perDay: options.perDay, admittedBeforeFailover, charged },
    };
  } finally {
    aborting.abort();
    for (const stop of stops.reverse()) await stop();
  }
}

if (import.meta.main) {
  const { seconds } = readScriptOptions({
    call: "npm run cluster",
    summary: "Runs the suite as on several machines, kills servers under load, and checks what clients were told.",
    options: {
      seconds: { type: "integer", value: "N", meaning: "seconds of each phase", default: 10, min: 1, max: 3_600 },
    },
  });
  const startedMs = performance.now();
  const report = (text: string) =>
    console.log(`${((performance.now() - startedMs) / 1_000).toFixed(1).padStart(6)} s  ${text}`);
  const result = await runExperiment({ phaseS: seconds, perDay: 500 * seconds, report });
  if (typeof result === "string") {
    console.error(result);
    process.exit(1);
  }
  const { told, scans, codesLost, limit, recoveredMs } = result;
  const { codes, violations, ...counts } = told;
  console.log(
    JSON.stringify({ codes: codes.size, ...counts, scans, codesLost, limit, recoveredMs, violations }, null, 2),
  );
  process.exit(violations.length + codesLost.length > 0 ? 1 : 0);
}
