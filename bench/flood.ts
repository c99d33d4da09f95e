/**
 * What one account's flood does to another: the p99 of an account's steady requests, calm and while another account sends
 * as many as 64 connections carry, in turns in one run. The flood goes far beyond its limit (429), or has none (200).
 * Run it with `npm run bench:flood`.
 */

import { fork } from "node:child_process";
import { once } from "node:events";
import { readScriptOptions } from "../cli/run-tool.ts";
import { newCode, newKey, withSuite } from "./cluster.ts";
import { median, paced } from "./load.ts";

const rounds = 5;
const requestsPerSecond = 100;
const seconds = 5;
const connections = 64;

if (process.argv[2] === "flood") {
  const [, , , url, key] = process.argv as string[];
  let answered = 0;
  let over = false;
  process.once("disconnect", () => process.exit());
  process.once("message", () => {
    over = true;
    process.send?.(answered);
  });
  const { Agent, request } = await import("node:http");
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const one = () =>
    new Promise<void>((resolve) => {
      const sent = request(url as string, { agent, headers: { "x-api-key": key } }, (response) => {
        response.resume().once("end", resolve);
        answered++;
      });
      sent.once("error", () => resolve());
      sent.end();
    });
  await Promise.all(
    Array.from({ length: connections }, async () => {
      while (!over) await one();
    }),
  );
} else {
  readScriptOptions({
    call: "npm run bench:flood",
    summary: "Measures what one account's flood does to the latency of another account.",
  });
  await withSuite({}, async (cluster) => {
    const { edge, key, code } = await newCode(cluster);
    const url = `${edge}/v1/qr-codes/${code.id}`;
    const steady = () => paced({ url, headers: { "x-api-key": key }, requestsPerSecond, seconds, expectedStatus: 200 });
    await steady();
    for (const [name, flooding] of [
      ["beyond its limit", await newKey(cluster, { perMinute: 60n })],
      ["without a limit", await newKey(cluster, {})],
    ] as const) {
      const ratios: number[] = [];
      for (let round = 1; round <= rounds; round++) {
        const calm = await steady();
        const flood = fork(import.meta.filename, ["flood", `${edge}/v1/usage`, flooding]);
        const flooded = await steady();
        flood.send("stop");
        const [answered] = (await once(flood, "message")) as [number];
        flood.disconnect();
        await once(flood, "exit");
        ratios.push(flooded.p99Ms / calm.p99Ms);
        process.stdout.write(
          `${name}, round ${round}: calm p50 ${calm.p50Ms.toFixed(1)} p99 ${calm.p99Ms.toFixed(1)} ms | flooded ` +
            `${(answered / seconds).toFixed(0)} requests/s p50 ${flooded.p50Ms.toFixed(1)} p99 ${flooded.p99Ms.toFixed(1)} ms\n`,
        );
      }
      process.stdout.write(
        `p99 during a flood ${name}, over calm, median of ${rounds}: ${median(ratios).toFixed(2)}\n`,
      );
    }
  });
}
