import { describe, expect, it } from "vitest";
import { ApiError } from "../api.ts";
import type { Row } from "./check.ts";
import { batchSize, createCodes, newRun, type Run, type Send } from "./create.ts";
import { createUnfinishedRuns } from "./unfinished.ts";

const rowsOf = (count: number, slug = (line: number) => `t-${line}`): Row[] =>
  Array.from({ length: count }, (_, index) => {
    const line = index + 2;
    return { line, name: `Table ${line}`, redirect_url: `https://example.com/${line}`, slug: slug(line) };
  });

/** Creates as the service does: a batch whole or not at all, each slug once, and each idempotency key once. */
function createService(taken: string[] = []) {
  const names: string[] = [];
  const slugs = new Set(taken);
  const answers = new Map<string, Awaited<ReturnType<Send>>>();
  const sizes: number[] = [];
  const send: Send = async (codes, key) => {
    const known = answers.get(key);
    if (known) return { ...known, replayed: true };
    const details = codes.flatMap(({ slug }, index) =>
      slug && slugs.has(slug) ? [{ field: `qr_codes.${index}.slug`, issue: "is taken; choose another" }] : [],
    );
    if (details.length > 0) throw new ApiError(409, "conflict", "taken", details);
    for (const { slug } of codes) if (slug) slugs.add(slug);
    sizes.push(codes.length);
    const items = codes.map(({ name, slug }) => {
      names.push(name);
      const path = slug ?? `qr-${names.length}`;
      return { id: `id-${names.length}`, slug: path, short_url: `https://qr.example/${path}`, updated_at: "now" };
    });
    answers.set(key, { items });
    return { items };
  };
  return { send, names, sizes };
}

const options = { onChange() {}, isPaused: () => false, signal: new AbortController().signal };

describe("codes of a file", () => {
  it("are created in the order of the file, and rows that are refused are told while the rest goes on", async () => {
    const service = createService(["t-9", "t-150"]);
    const run = newRun("project", 100);
    await createCodes(rowsOf(250), run, { ...options, send: service.send });
    const wanted = rowsOf(250).filter(({ line }) => line !== 9 && line !== 150);
    expect(service.names).toEqual(wanted.map(({ name }) => name));
    expect(run.made.map(({ row }) => row.line)).toEqual(wanted.map(({ line }) => line));
    expect(run.made[0]?.code).toMatchObject({ slug: "t-2", short_url: "https://qr.example/t-2" });
    expect(run.faults).toEqual([
      { line: 9, field: "slug", value: "t-9", issue: "is taken; choose another" },
      { line: 150, field: "slug", value: "t-150", issue: "is taken; choose another" },
    ]);
    expect(service.sizes).toEqual([100, 100, 48]);
  });

  it("of an account with few requests a minute are sent in batches that its minute has room for", async () => {
    expect([null, 6_000, 60, 1].map(batchSize)).toEqual([100, 100, 30, 1]);
    const service = createService();
    const waits: number[] = [];
    let refusals = 1;
    const send: Send = async (...request) => {
      if (service.sizes.length === 2 && refusals-- > 0) {
        throw new ApiError(429, "rate_limit_minute", "Too many requests this minute.", [], 0.001);
      }
      return service.send(...request);
    };
    await createCodes(rowsOf(70), newRun("project", 30), { ...options, send, onWait: (ms) => waits.push(ms) });
    expect([service.sizes, waits]).toEqual([[30, 30, 10], [1]]);
  });

  it("stop when the day has no room, without waiting for the next", async () => {
    const send: Send = async () => {
      throw new ApiError(429, "rate_limit_day", "Too many requests today.", [], 50_000);
    };
    const run = newRun("project", 30);
    await expect(createCodes(rowsOf(70), run, { ...options, send })).rejects.toThrow("Too many requests today.");
  });

  it("that are alike, batch after batch, are created as often as the file has them", async () => {
    const rows = rowsOf(300).map((row) => ({ ...row, name: "Same", redirect_url: "https://example.com/", slug: "" }));
    const service = createService();
    await createCodes(rows, newRun("project", 100), { ...options, send: service.send });
    expect(service.names).toHaveLength(300);
  });

  it("with long URLs are sent in batches that the service takes", async () => {
    const rows = rowsOf(100).map((row) => ({ ...row, redirect_url: `https://example.com/${"ü".repeat(2_000)}` }));
    const service = createService();
    await createCodes(rows, newRun("project", 100), { ...options, send: service.send });
    expect(service.names).toHaveLength(100);
    for (const size of service.sizes) expect(size * 4_000).toBeLessThan(300_000);
  });

  it("are paused after a batch, and go on where they were", async () => {
    const service = createService();
    const run = newRun("project", 100);
    await createCodes(rowsOf(250), run, { ...options, send: service.send, isPaused: () => run.made.length > 0 });
    expect(run.made).toHaveLength(100);
    await createCodes(rowsOf(250), run, { ...options, send: service.send });
    expect(run.made).toHaveLength(250);
    expect(service.names).toHaveLength(250);
  });

  it("are not made twice when an answer was lost", async () => {
    const service = createService();
    let losses = 0;
    const send: Send = async (...request) => {
      const answer = await service.send(...request);
      if (losses++ === 0) throw new ApiError(0, "unreachable", "lost", [], 0.001);
      return answer;
    };
    const run = newRun("project", 100);
    await createCodes(rowsOf(120), run, { ...options, send });
    expect(service.names).toHaveLength(120);
    expect(run.replayed).toBe(100);
  });

  it("are not made twice when the page was closed and the file is chosen again", async () => {
    // Every other row has no slug, so that nothing but the idempotency keys keeps it from being made again.
    const rows = rowsOf(350, (line) => (line % 2 === 0 ? `t-${line}` : ""));
    const service = createService(["t-8", "t-130"]);
    const storage = new Map<string, string>();
    const runs = createUnfinishedRuns({
      getItem: (name) => storage.get(name) ?? null,
      setItem: (name, value) => storage.set(name, value),
      removeItem: (name) => storage.delete(name),
    });
    const first = runs.open("file", { projectId: "project", batchMax: 100 }, rows, 0);
    await createCodes(rows, first, {
      ...options,
      send: service.send,
      isPaused: () => first.made.length >= 200,
      onChange: () => runs.keep("file", first),
    });
    expect(first.made).toHaveLength(200);

    expect(runs.has("another file", "project", 1_000)).toBe(false);
    expect(runs.has("file", "project", 24 * 3_600_000)).toBe(false);
    const second: Run = runs.open("file", { projectId: "project", batchMax: 30 }, rows, 1_000);
    await createCodes(rows, second, { ...options, send: service.send });
    expect(second.replayed).toBe(200);
    expect(second.made.map(({ code }) => code.id).slice(0, 200)).toEqual(first.made.map(({ code }) => code.id));
    expect(service.names).toEqual(
      rows.filter(({ slug }) => slug !== "t-8" && slug !== "t-130").map(({ name }) => name),
    );
    expect(second.faults.map(({ line }) => line)).toEqual([8, 130]);

    runs.forget("file", "project");
    expect(runs.has("file", "project", 1_000)).toBe(false);
  });

  it("stop at a failure that is of no row, and keep what is made", async () => {
    const service = createService();
    const run = newRun("project", 100);
    const send: Send = async (...request) => {
      if (service.names.length > 0) throw new ApiError(404, "project_not_found", "There is no such project.");
      return service.send(...request);
    };
    await expect(createCodes(rowsOf(250), run, { ...options, send })).rejects.toThrow("no such project");
    expect(run.made).toHaveLength(100);
    expect(run.faults).toEqual([]);
  });
});
