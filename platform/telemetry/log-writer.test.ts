import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, existsSync, openSync } from "node:fs";
import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { describe, expect, it } from "vitest";

const linesMany = 20_000;
const program = `
  import { createLogger } from ${JSON.stringify(new URL("./log.ts", import.meta.url).href)};
  const log = createLogger({ service: "s", level: "info" });
  for (let index = 0; index < ${linesMany}; index++) log.info({ index, padding: "x".repeat(100) }, "line");
  log.fatal("last");
  process.stderr.write("went on");
`;
const args = (end: string) => ["--input-type=module", "-e", program + end];
const run = (end: string) => spawn(process.execPath, args(end), { stdio: ["ignore", "pipe", "pipe"], timeout: 30_000 });

/** What a child says on stderr, and its exit code. */
async function outcomeOf(child: ChildProcess, event: "exit" | "close") {
  const [said, [code]] = await Promise.all([text(child.stderr ?? Readable.from([])), once(child, event)]);
  return [said, code];
}

describe("a process whose log lines cannot be written", () => {
  it("goes on and ends when the disk is full", async ({ skip }) => {
    if (!existsSync("/dev/full")) return skip("there is no /dev/full here");
    const full = openSync("/dev/full", "w");
    const child = spawn(process.execPath, args("process.exit(0);"), {
      stdio: ["ignore", full, "pipe"],
      timeout: 30_000,
    });
    closeSync(full);
    expect(await outcomeOf(child, "close")).toEqual(["went on", 0]);
  });

  it("goes on and ends while nobody reads its pipe", async () => {
    const child = run("process.exit(0);");
    expect(await outcomeOf(child, "exit")).toEqual(["went on", 0]);
    child.stdout.destroy();
  });

  it("goes on when the reader of its pipe is gone", async () => {
    const child = run("setTimeout(() => { log.info('later'); process.exit(0); }, 50);");
    child.stdout.destroy();
    expect(await outcomeOf(child, "close")).toEqual(["went on", 0]);
  });

  it("says how many were lost once its reader goes on", async () => {
    // Waits with its end until all that was kept has been read.
    const end = "setTimeout(() => {}, 500).ref(); setTimeout(() => log.info('after'), 400);";
    const child = run(end);
    const lines = (await text(child.stdout)).trim().split("\n");
    const parsed = lines.map((line) => JSON.parse(line) as { message: string; lost?: number });
    const lost = parsed.find(({ message }) => message === "log lines lost")?.lost ?? 0;
    expect(parsed.at(-1)?.message).toBe("after");
    // All but the lines "last", "after" and the one that counts.
    expect(parsed.filter(({ message }) => message === "line").length + lost).toBeGreaterThanOrEqual(linesMany);
    expect(lost).toBeGreaterThan(0);
  });
});
