/**
 * Decisions per second of quota, over gRPC and in batches as the edge calls it, for one hot account, 1,000 and 100,000
 * accounts, with 1 and 2 replicas; as a baseline, in the same run, one durable statement per request. Run it with
 * `npm run bench:quota`. Two baselines: one after the other, and ten at a time.
 */

import { randomUUIDv7 } from "node:crypto";
import postgres from "postgres";
import { readScriptOptions } from "../cli/run-tool.ts";
import { QuotaService } from "../gen/qrforge/quota/v1/quota_pb.ts";
import { createBatcher } from "../platform/concurrency/batcher.ts";
import { createRpcClient } from "../platform/rpc/client.ts";
import { createStore } from "../services/quota/store/windows.ts";
import { withSuite } from "./cluster.ts";
import { median } from "./load.ts";

const seconds = 3;
const rounds = 3;
/** Requests under way at once: enough to fill the batches of several edges. */
const outstanding = 4_096;
const limits = { perMinute: 1_000_000_000, perDay: 1_000_000_000_000 };
const wait = { timeoutMs: 10_000 };
const accountId = (index: number) => `Q${String(index).padStart(19, "0")}`;

/** Keeps `outstanding` requests under way for a while; requests per second. */
async function closedLoop(send: (index: number) => Promise<unknown>, width: number): Promise<number> {
  const end = performance.now() + seconds * 1_000;
  let done = 0;
  const startedAt = performance.now();
  await Promise.all(
    Array.from({ length: width }, async (_, worker) => {
      for (let turn = worker; performance.now() < end; turn += width) {
        await send(turn);
        done++;
      }
    }),
  );
  return (done / (performance.now() - startedAt)) * 1_000;
}

/** Starts requests at a steady rate, whatever their answers do; their latencies in ms, sorted. */
async function openLoop(send: (index: number) => Promise<unknown>, perSecond: number): Promise<number[]> {
  const latencies: number[] = [];
  const startedAt = performance.now();
  let sent = 0;
  while (performance.now() - startedAt < seconds * 1_000) {
    const due = Math.floor(((performance.now() - startedAt) / 1_000) * perSecond);
    for (; sent < due; sent++) {
      const sentAt = performance.now();
      void send(sent).then(() => latencies.push(performance.now() - sentAt));
    }
    // Every millisecond, as far as there is time: a generator that spins would take a core from those it measures.
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  while (latencies.length < sent) await new Promise((resolve) => setTimeout(resolve, 1));
  return latencies.sort((a, b) => a - b);
}

const only = readScriptOptions({
  call: "npm run bench:quota",
  summary: "Measures quota's decisions per second, compared with one durable statement per request.",
  options: {
    replicas: {
      type: "integer",
      value: "N",
      meaning: "this number of replicas alone; 1 and 2 if left out",
      min: 1,
      max: 16,
    },
    accounts: {
      type: "integer",
      value: "N",
      meaning: "this number of accounts alone; 1, 1,000 and 100,000 if left out",
      min: 1,
    },
  },
});

for (const replicas of only.replicas ? [only.replicas] : [1, 2]) {
  await withSuite({ replicas: { edge: 1, auth: 1, quota: replicas, qr: 1 } }, async (cluster) => {
    const address = cluster.members("quota").map((member) => member.address);
    const { client, close } = createRpcClient(QuotaService, { address: address.join(",") });
    const request = { perMinute: BigInt(limits.perMinute), perDay: BigInt(limits.perDay) };
    const consume = createBatcher<string, unknown>({
      batchItemsMax: 512,
      inFlightMax: 8,
      queuedItemsMax: 1_000_000,
      send: async (accounts, options) =>
        (
          await client.batchConsumeQuota(
            {
              batchId: randomUUIDv7(),
              requests: accounts.map((one) => ({ accountId: one, keyId: one, cost: 1, limits: request })),
            },
            options,
          )
        ).decisions,
    });
    const sql = postgres(cluster.databaseUrl, { max: 10 });
    const store = createStore(sql as never);
    for (const accounts of only.accounts ? [only.accounts] : [1, 1_000, 100_000]) {
      const batched = (index: number) => consume(accountId((index * 7_919) % accounts), wait);
      const single = (index: number) =>
        store.charge([{ subject: accountId((index * 7_919) % accounts), cost: 1, requested: 1, limits }]);
      const rates: number[] = [];
      const toOne: number[] = [];
      const toTen: number[] = [];
      await closedLoop(batched, outstanding);
      for (let round = 0; round < rounds; round++) {
        const rate = await closedLoop(batched, outstanding);
        rates.push(rate);
        toOne.push(rate / (await closedLoop(single, 1)));
        toTen.push(rate / (await closedLoop(single, 10)));
      }
      const rate = median(rates);
      const latencies = await openLoop(batched, rate / 2);
      const at = (share: number) => (latencies[Math.floor(latencies.length * share)] ?? 0).toFixed(1);
      process.stdout.write(
        `${replicas} replicas, ${accounts} accounts: ${rate.toFixed(0)} decisions/s, ` +
          `${median(toOne).toFixed(1)} × one statement per request one after the other, ` +
          `${median(toTen).toFixed(1)} × ten at a time; at half that rate p50 ${at(0.5)} ms, p99 ${at(0.99)} ms\n`,
      );
    }
    await sql.end();
    close();
  });
}
