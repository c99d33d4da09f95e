import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { listRunning, noteRunning } from "./running.ts";

let folder: string;
let dataDir: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "qrforge-running-"));
  dataDir = await mkdtemp(path.join(tmpdir(), "qrforge-data-"));
});
afterEach(async () => {
  for (const one of [folder, dataDir]) await rm(one, { recursive: true });
});
const list = (pid: number) => writeFile(path.join(dataDir, "run.json"), JSON.stringify({ launcher: { pid } }));

describe("the suites that run", () => {
  it("are those whose launcher lives and lists itself in its data directory", async () => {
    const remove = await noteRunning(folder, dataDir);
    expect(await listRunning(folder)).toEqual([]);
    await list(process.pid);
    expect(await listRunning(folder)).toEqual([dataDir]);
    await list(process.pid + 1);
    expect(await listRunning(folder)).toEqual([]);
    await list(process.pid);
    await remove();
    expect(await listRunning(folder)).toEqual([]);
  });

  it("do not include one that was killed, whose note goes", async () => {
    // No process has it: above the largest pid of any system.
    const gone = 2 ** 30;
    await list(gone);
    await writeFile(path.join(folder, String(gone)), dataDir);
    expect(await listRunning(folder)).toEqual([]);
    expect(await readdir(folder)).toEqual([]);
  });

  it("are none where nothing was ever started", async () => {
    expect(await listRunning(path.join(folder, "nothing"))).toEqual([]);
  });
});
