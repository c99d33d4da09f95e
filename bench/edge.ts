/**
 * What one request costs the edge: `GET /v1/qr-codes/{id}` through key, quota and qr, beside a bare node:http server
 * that gives the same answer, in turns in one run. Run it with `npm run bench:edge`.
 */
import { fork } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { load, median } from "./load.ts";
import { newUnlimitedKey, withSuite } from "./suite.ts";

const rounds = 5;
const connections = 64;
const requests = 6_000;

await withSuite({}, async (suite) => {
  const edge = suite.edgeUrls()[0] as string;
  const edgePid = suite.members("edge")[0]?.child.pid as number;
  const key = await newUnlimitedKey(suite);
  const created = await fetch(`${edge}/v1/qr-codes`, {
    method: "POST",
    headers: { "x-api-key": key, "content-type": "application/json" },
    body: JSON.stringify({ name: "Bench", redirect_url: "https://example.com/" }),
  });
  const { data } = (await created.json()) as { data: { id: string } };
  const url = `${edge}/v1/qr-codes/${data.id}`;
  const headers = { "x-api-key": key };
  const sample = await fetch(url, { headers });
  const body = await sample.text();

  const bare = fork(path.join(import.meta.dirname, "bare-server.ts"), [
    body,
    JSON.stringify(Object.fromEntries(sample.headers)),
  ]);
  const [port] = (await once(bare, "message")) as [number];
  const common = { headers, connections, requests, expectedStatus: 200 };
  const runEdge = () => load({ ...common, url, pid: edgePid });
  const runBare = () => load({ ...common, url: `http://127.0.0.1:${port}/`, pid: bare.pid as number });
  await runEdge();
  await runBare();
  const ratios: number[] = [];
  for (let round = 1; round <= rounds; round++) {
    const ours = await runEdge();
    const theirs = await runBare();
    if (ours.unexpected > 0) throw new Error(`${ours.unexpected} answers were not 200`);
    ratios.push(ours.cpuPerRequestUs / theirs.cpuPerRequestUs);
    const line = (name: string, result: typeof ours) =>
      `${name} ${result.cpuPerRequestUs.toFixed(0)} µs CPU a request, ${(result.requests / result.seconds).toFixed(0)}/s, ` +
      `p50 ${result.p50Ms.toFixed(1)} ms, p99 ${result.p99Ms.toFixed(1)} ms`;
    process.stdout.write(`round ${round}: ${line("edge", ours)} | ${line("bare", theirs)}\n`);
  }
  bare.disconnect();
  process.stdout.write(`CPU a request, edge over bare, median of ${rounds}: ${median(ratios).toFixed(2)}\n`);
});
