/**
 * What it costs an edge to hold many keys: memory and CPU with 1,000 and with 100,000 keys in use, at rest and in use.
 * Run it with `npm run bench:keys`. The keys are made in the database by hand; making them is not what is measured.
 */

import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import postgres from "postgres";
import { readScriptOptions } from "../cli/run-tool.ts";
import { formatApiKey } from "../contracts/api-key.ts";
import { randomBase62 } from "../platform/ids.ts";
import { withSuite } from "./cluster.ts";
import { cpuUs } from "./load.ts";

const restS = 10;
const usesMeasured = 10_000;

async function residentMiB(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024;
}

readScriptOptions({
  call: "npm run bench:keys",
  summary: "Measures the memory and CPU of an edge with 1,000 and with 100,000 keys in use.",
});

for (const count of [1_000, 100_000]) {
  await withSuite({ env: { edge: { CACHE_ENTRIES_MAX: "200000" } } }, async (cluster) => {
    const sql = postgres(cluster.databaseUrl);
    const keys = Array.from({ length: count }, () => formatApiKey(randomBase62(26)));
    await sql`insert into auth.accounts (account_id, email, plan, per_minute, per_day)
      values (${"B".repeat(20)}, 'bench@qrforge.example', 'enterprise', 0, 0)`;
    for (let at = 0; at < count; at += 5_000) {
      const rows = keys.slice(at, at + 5_000).map((key, index) => ({
        key_id: String(at + index).padStart(20, "0"),
        account_id: "B".repeat(20),
        name: "bench",
        key_hash: createHash("sha256").update(key).digest(),
        prefix: key.slice(0, 13),
        last4: key.slice(-4),
      }));
      await sql`insert into auth.keys ${sql(rows)}`;
    }
    await sql.end();
    const edge = cluster.members("edge")[0];
    const pid = edge?.child.pid as number;
    const before = await residentMiB(pid);
    const use = async (queue: string[]) => {
      await Promise.all(
        Array.from({ length: 64 }, async () => {
          for (let key = queue.pop(); key; key = queue.pop()) {
            const answer = await fetch(`${cluster.edgeUrls()[0]}/v1/usage`, { headers: { "x-api-key": key } });
            await answer.arrayBuffer();
            if (answer.status !== 200) throw new Error(`a key was refused: ${answer.status}`);
          }
        }),
      );
    };
    await use([...keys]);
    await sleep(7_000);
    const held = await residentMiB(pid);
    const cpuBefore = await cpuUs(pid);
    await sleep(restS * 1_000);
    const restingUs = ((await cpuUs(pid)) - cpuBefore) / restS;
    const cpuInUse = await cpuUs(pid);
    await use(Array.from({ length: usesMeasured }, (_, index) => keys[(index * 7_919) % count] as string));
    const usedUs = ((await cpuUs(pid)) - cpuInUse) / usesMeasured;
    process.stdout.write(
      `${count} keys: ${before.toFixed(0)} MiB before, ${held.toFixed(0)} MiB with them; ` +
        `at rest ${(restingUs / 1000).toFixed(1)} ms of CPU a second, in use ${usedUs.toFixed(0)} µs of CPU a request\n`,
    );
  });
}
