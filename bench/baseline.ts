import { fork } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { load, median, paced } from "./load.ts";

const rounds = 5;
const connections = 64;
const requests = 6_000;

interface Asked {
  url: string;
  headers: Record<string, string>;
  pid: number;
  expectedStatus: number;
}

/** A plain server that gives the answer that is given to this request. */
async function startBaseline({ url, headers, expectedStatus }: Asked) {
  const sample = await fetch(url, { headers, redirect: "manual" });
  const body = await sample.text();
  const answer = Object.fromEntries([...sample.headers].filter(([name]) => name !== "content-length"));
  const child = fork(path.join(import.meta.dirname, "baseline-server.ts"), [
    body,
    JSON.stringify(answer),
    String(expectedStatus),
  ]);
  const [port] = (await once(child, "message")) as [number];
  return { child, url: `http://127.0.0.1:${port}/` };
}

/** Measures how much longer requests at a steady rate take than at the baseline server, in turns in one run. */
export async function p99OverBaseline(options: Asked, requestsPerSecond: number): Promise<void> {
  const baseline = await startBaseline(options);
  const at = (url: string) => paced({ ...options, url, requestsPerSecond, seconds: 5 });
  await at(options.url);
  const added: number[] = [];
  for (let round = 1; round <= rounds; round++) {
    const ours = await at(options.url);
    const theirs = await at(baseline.url);
    added.push(ours.p99Ms - theirs.p99Ms);
    process.stdout.write(
      `${requestsPerSecond}/s, round ${round}: edge p50 ${ours.p50Ms.toFixed(1)} p99 ${ours.p99Ms.toFixed(1)} ms | ` +
        `baseline p50 ${theirs.p50Ms.toFixed(1)} p99 ${theirs.p99Ms.toFixed(1)} ms\n`,
    );
  }
  baseline.child.disconnect();
  process.stdout.write(`p99 added at ${requestsPerSecond}/s, median of ${rounds}: ${median(added).toFixed(1)} ms\n`);
}

/**
 * Measures what one request costs a process, compared with a plain node:http server that gives the same answer, in turns in one
 * run. Prints each round and the median of the ratios.
 */
export async function compareWithBaseline(options: Asked): Promise<void> {
  const { headers, expectedStatus } = options;
  const baseline = await startBaseline(options);
  const common = { headers, connections, requests, expectedStatus };
  const runEdge = () => load({ ...common, url: options.url, pid: options.pid });
  const runBaseline = () => load({ ...common, url: baseline.url, pid: baseline.child.pid as number });
  await runEdge();
  await runBaseline();
  const ratios: number[] = [];
  for (let round = 1; round <= rounds; round++) {
    const ours = await runEdge();
    const theirs = await runBaseline();
    if (ours.unexpected > 0) throw new Error(`${ours.unexpected} answers were not ${expectedStatus}`);
    ratios.push(ours.cpuPerRequestUs / theirs.cpuPerRequestUs);
    const line = (name: string, result: typeof ours) =>
      `${name} ${result.cpuPerRequestUs.toFixed(0)} µs CPU a request, ${(result.requests / result.seconds).toFixed(0)}/s, ` +
      `p50 ${result.p50Ms.toFixed(1)} ms, p99 ${result.p99Ms.toFixed(1)} ms`;
    process.stdout.write(`round ${round}: ${line("edge", ours)} | ${line("baseline", theirs)}\n`);
  }
  baseline.child.disconnect();
  process.stdout.write(`CPU a request, edge over baseline, median of ${rounds}: ${median(ratios).toFixed(2)}\n`);
}
