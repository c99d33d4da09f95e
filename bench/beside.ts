import { fork } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { load, median } from "./load.ts";

const rounds = 5;
const connections = 64;
const requests = 6_000;

/**
 * Measures what one request costs a process, beside a bare node:http server that gives the same answer, in turns in one
 * run. Prints each round and the median of the ratios.
 */
export async function compareWithBare(options: {
  url: string;
  headers: Record<string, string>;
  pid: number;
  expectedStatus: number;
}): Promise<void> {
  const { headers, expectedStatus } = options;
  const sample = await fetch(options.url, { headers, redirect: "manual" });
  const body = await sample.text();
  const answer = Object.fromEntries([...sample.headers].filter(([name]) => name !== "content-length"));
  const bare = fork(path.join(import.meta.dirname, "bare-server.ts"), [
    body,
    JSON.stringify(answer),
    String(expectedStatus),
  ]);
  const [port] = (await once(bare, "message")) as [number];
  const common = { headers, connections, requests, expectedStatus };
  const runEdge = () => load({ ...common, url: options.url, pid: options.pid });
  const runBare = () => load({ ...common, url: `http://127.0.0.1:${port}/`, pid: bare.pid as number });
  await runEdge();
  await runBare();
  const ratios: number[] = [];
  for (let round = 1; round <= rounds; round++) {
    const ours = await runEdge();
    const theirs = await runBare();
    if (ours.unexpected > 0) throw new Error(`${ours.unexpected} answers were not ${expectedStatus}`);
    ratios.push(ours.cpuPerRequestUs / theirs.cpuPerRequestUs);
    const line = (name: string, result: typeof ours) =>
      `${name} ${result.cpuPerRequestUs.toFixed(0)} µs CPU a request, ${(result.requests / result.seconds).toFixed(0)}/s, ` +
      `p50 ${result.p50Ms.toFixed(1)} ms, p99 ${result.p99Ms.toFixed(1)} ms`;
    process.stdout.write(`round ${round}: ${line("edge", ours)} | ${line("bare", theirs)}\n`);
  }
  bare.disconnect();
  process.stdout.write(`CPU a request, edge over bare, median of ${rounds}: ${median(ratios).toFixed(2)}\n`);
}
