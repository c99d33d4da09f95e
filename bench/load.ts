import { readFile } from "node:fs/promises";
import { Agent, request } from "node:http";

export interface LoadResult {
  requests: number;
  /** Answers other than the status expected. */
  unexpected: number;
  seconds: number;
  /** CPU time that the server's process used, in µs a request. */
  cpuPerRequestUs: number;
  p50Ms: number;
  p99Ms: number;
}

const ticksPerSecond = 100;

/** User and system time of a process so far, in µs. Linux only: /proc/PID/stat, fields 14 and 15. */
export async function cpuUs(pid: number): Promise<number> {
  const text = await readFile(`/proc/${pid}/stat`, "utf8");
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return ((Number(fields[11]) + Number(fields[12])) / ticksPerSecond) * 1e6;
}

/** Sends a bounded number of requests over keep-alive connections to a server on loopback, and measures its process. */
export async function load(options: {
  url: string;
  headers: Record<string, string>;
  pid: number;
  connections: number;
  requests: number;
  expectedStatus: number;
}): Promise<LoadResult> {
  const agent = new Agent({ keepAlive: true, maxSockets: options.connections });
  const latencies: number[] = [];
  let unexpected = 0;
  let left = options.requests;
  const once = () =>
    new Promise<void>((resolve, reject) => {
      const sentAt = performance.now();
      const sent = request(options.url, { agent, headers: options.headers }, (response) => {
        if (response.statusCode !== options.expectedStatus) unexpected++;
        response.resume();
        response.once("end", () => {
          latencies.push(performance.now() - sentAt);
          resolve();
        });
      });
      sent.once("error", reject);
      sent.end();
    });
  async function worker(): Promise<void> {
    while (left-- > 0) await once();
  }
  const cpuBefore = await cpuUs(options.pid);
  const startedAt = performance.now();
  await Promise.all(Array.from({ length: options.connections }, worker));
  const seconds = (performance.now() - startedAt) / 1000;
  const cpu = (await cpuUs(options.pid)) - cpuBefore;
  agent.destroy();
  latencies.sort((a, b) => a - b);
  const at = (share: number) => latencies[Math.floor(latencies.length * share)] ?? 0;
  return {
    requests: latencies.length,
    unexpected,
    seconds,
    cpuPerRequestUs: cpu / latencies.length,
    p50Ms: at(0.5),
    p99Ms: at(0.99),
  };
}

/** Sends requests at a steady rate, however long answers take, and tells how long they took. */
export async function paced(options: {
  url: string;
  headers: Record<string, string>;
  requestsPerSecond: number;
  seconds: number;
  expectedStatus: number;
}): Promise<{ p50Ms: number; p99Ms: number }> {
  const agent = new Agent({ keepAlive: true });
  const latencies: number[] = [];
  const total = options.requestsPerSecond * options.seconds;
  const startedAt = performance.now();
  const one = (dueAt: number) =>
    new Promise<void>((resolve, reject) => {
      const sent = request(options.url, { agent, headers: options.headers }, (response) => {
        response.resume().once("end", () => {
          // From when it was due: a sender held up is a part of the wait.
          latencies.push(performance.now() - dueAt);
          if (response.statusCode === options.expectedStatus) resolve();
          else reject(new Error(`answered ${response.statusCode}`));
        });
      });
      sent.once("error", reject);
      sent.end();
    });
  const sent: Promise<void>[] = [];
  for (let index = 0; index < total; index++) {
    const dueAt = startedAt + (index * 1_000) / options.requestsPerSecond;
    const waitMs = dueAt - performance.now();
    if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
    sent.push(one(dueAt));
  }
  await Promise.all(sent);
  agent.destroy();
  latencies.sort((a, b) => a - b);
  const at = (share: number) => latencies[Math.floor(latencies.length * share)] ?? 0;
  return { p50Ms: at(0.5), p99Ms: at(0.99) };
}

export function median(values: number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
