/**
 * Durable creates a second over HTTP, single and in batches, with the whole path (key, quota, code, symbol checked), compared with
 * the same row inserted straight into Postgres, one transaction each, at the same concurrency. Run it with
 * `npm run bench:create`.
 */

import { Agent, request } from "node:http";
import postgres from "postgres";
import { readScriptOptions } from "../cli/run-tool.ts";
import { newId, randomBase36 } from "../platform/ids.ts";
import { newKey, withSuite } from "./cluster.ts";
import { median } from "./load.ts";

const concurrency = 16;
const seconds = 3;
const rounds = 5;
const batchSize = 100;
const code = { name: "Label", redirect_url: "https://example.com/label" };

/** Keeps so many under way for a while; how many a second are done. */
async function rate(work: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  let done = 0;
  await Promise.all(
    Array.from({ length: concurrency }, async () => {
      while (performance.now() - startedAt < seconds * 1_000) {
        await work();
        done++;
      }
    }),
  );
  return (done / (performance.now() - startedAt)) * 1_000;
}

readScriptOptions({
  call: "npm run bench:create",
  summary: "Measures durable creates per second, compared with rows inserted straight into Postgres.",
});

await withSuite({}, async (cluster) => {
  const key = await newKey(cluster);
  const agent = new Agent({ keepAlive: true, maxSockets: concurrency });
  const post = (path: string, body: unknown, headers: Record<string, string> = {}) =>
    new Promise<void>((resolve, reject) => {
      const sent = request(
        `${cluster.edgeUrls()[0]}${path}`,
        { method: "POST", agent, headers: { "x-api-key": key, "content-type": "application/json", ...headers } },
        (response) => {
          response.resume();
          response.once("end", () =>
            response.statusCode === 201 ? resolve() : reject(new Error(`answered ${response.statusCode}`)),
          );
        },
      );
      sent.once("error", reject);
      sent.end(JSON.stringify(body));
    });
  const sql = postgres(cluster.databaseUrl, { max: concurrency });
  await post("/v1/qr-codes", code);
  const [{ project, account }] = await sql<[{ project: string; account: string }]>`
    select project_id as project, account_id as account from qr.codes limit 1`;
  const insert = () => sql`
    insert into qr.codes (code_id, account_id, project_id, name, slug, redirect_url, foreground, background)
    values (${newId()}, ${account}, ${project}, ${code.name}, ${`qr-${randomBase36(9)}`}, ${code.redirect_url},
      '#000000', '#ffffff')`;
  const kinds: [string, number, () => Promise<unknown>][] = [
    ["single", 1, () => post("/v1/qr-codes", code)],
    ["single, with an Idempotency-Key", 1, () => post("/v1/qr-codes", code, { "idempotency-key": newId() })],
    [
      `in batches of ${batchSize}`,
      batchSize,
      () => post("/v1/qr-codes/batch", { qr_codes: Array(batchSize).fill(code) }),
    ],
  ];
  for (const [name, codes, work] of kinds) {
    const rates: number[] = [];
    const ratios: number[] = [];
    for (let round = 0; round < rounds; round++) {
      const ours = (await rate(work)) * codes;
      rates.push(ours);
      ratios.push(ours / (await rate(insert)));
    }
    process.stdout.write(
      `${name}: ${median(rates).toFixed(0)} codes/s, ${median(ratios).toFixed(2)} × plain inserts\n`,
    );
  }
  agent.destroy();
  await sql.end();
});
