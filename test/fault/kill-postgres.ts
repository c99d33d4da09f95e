/**
 * Kills the embedded Postgres again and again while clients create, scan, edit, read charts, use up a limit and revoke keys,
 * and waits each time until all of it works again. No service may end, nothing that was acknowledged may be lost.
 *
 *     npm run kill-postgres [-- --times N]
 */
import { readScriptOptions } from "../../cli/run-tool.ts";
import type { Kind, Member } from "../../dev/cluster.ts";
import { startEphemeralCluster } from "../../dev/ephemeral-cluster.ts";
import { startLoad } from "../cluster/load.ts";
import { onServer } from "../cluster/postgres.ts";
import { addressesOf } from "../support/addresses.ts";
import { eventually, openAuth } from "../support/api.ts";

const replicas: Record<Kind, number> = { auth: 2, quota: 2, qr: 2, edge: 2 };
const clients = 3;
const recoveryMaxMs = 60_000;

export interface Report {
  /** How long it took after each kill until all clients got everything again, in ms. */
  recoveredMs: number[];
  /** Services that ended, or are other processes than at the start. */
  ended: string[];
  /** What clients were told that must never be. */
  violations: string[];
  acknowledged: number;
  /** Codes that were acknowledged and are not there as they were acknowledged. */
  lost: string[];
}

export async function killPostgres(options: { times: number; report(text: string): void }): Promise<Report> {
  const { cluster, end } = await startEphemeralCluster({ replicas });
  const auth = openAuth(addressesOf(cluster, "auth"));
  try {
    const members = (["auth", "quota", "qr", "edge"] as const).flatMap((kind) => cluster.members(kind));
    const pids = new Map(members.map(({ name, child }) => [name, child.pid as number]));
    const isAsAtStart = ({ name, child }: Member) =>
      child.exitCode === null && child.signalCode === null && child.pid === pids.get(name);
    const ended = () => members.filter((member) => !isAsAtStart(member)).map(({ name }) => name);

    const loads = await Promise.all(
      Array.from({ length: clients }, () =>
        startLoad({ edges: cluster.edgeUrls(), auth, perDay: 100 * (options.times + 1) }),
      ),
    );
    const recoveredMs: number[] = [];
    for (let time = 1; time <= options.times && ended().length === 0; time++) {
      const victim = cluster.servers().postgres?.pid as number;
      process.kill(victim, "SIGKILL");
      const startedMs = performance.now();
      await eventually(
        async () => cluster.servers().postgres?.pid,
        (pid) => pid !== undefined && pid !== victim,
        recoveryMaxMs,
      );
      // A service that ended does not come back, so that waiting for it would only hide which it was.
      await Promise.race([
        Promise.all(loads.map((load) => load.worksAgain(recoveryMaxMs))),
        eventually(async () => ended().length, Boolean, recoveryMaxMs),
      ]);
      recoveredMs.push(Math.round(performance.now() - startedMs));
      options.report(`${time}: Postgres ${victim} killed; all works again after ${recoveredMs.at(-1)} ms`);
    }
    if (ended().length > 0) return { recoveredMs, ended: ended(), violations: [], acknowledged: 0, lost: [] };
    await Promise.all(loads.map((load) => load.stop()));

    const codes = loads.flatMap(({ told }) => [...told.codes.values()]);
    const urls = await onServer(cluster.databaseUrl, async (sql) => {
      const rows = await sql<{ codeId: string; url: string }[]>`
        select code_id as "codeId", redirect_url as url from qr.codes where code_id = any(${codes.map(({ id }) => id)})`;
      return new Map(rows.map(({ codeId, url }) => [codeId, url]));
    });
    return {
      recoveredMs,
      ended: ended(),
      violations: loads.flatMap(({ told }) => told.violations),
      acknowledged: codes.length,
      lost: codes.filter(({ id, redirectUrl }) => urls.get(id) !== redirectUrl).map(({ id }) => id),
    };
  } finally {
    auth.close();
    await end();
  }
}

if (import.meta.main) {
  const { times } = readScriptOptions({
    call: "npm run kill-postgres",
    summary: "Kills the Postgres of a suite of its own under load, and checks that every service lives through it.",
    options: { times: { type: "integer", value: "N", meaning: "how often", default: 30, min: 1, max: 1_000 } },
  });
  const { recoveredMs, acknowledged, ended, violations, lost } = await killPostgres({ times, report: console.log });
  const sorted = [...recoveredMs].sort((a, b) => a - b);
  const recovered = { kills: sorted.length, medianMs: sorted[sorted.length >> 1], longestMs: sorted.at(-1) };
  console.log(JSON.stringify({ recovered, acknowledged, ended, violations, lost }, null, 2));
  process.exit(ended.length + violations.length + lost.length > 0 ? 1 : 0);
}
