import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { findCluster } from "./find-cluster.ts";
import { noteRunning } from "./running.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "qrforge-find-"));
});
afterEach(() => rm(folder, { recursive: true }));

const at = (name: string) => path.join(folder, name);
/** A cluster whose launcher is this process, or one that is gone. */
async function pretend(name: string, pid = process.pid): Promise<void> {
  await mkdir(at(name));
  await writeFile(path.join(at(name), "run.json"), JSON.stringify({ launcher: { pid } }));
}
const running = () => at("running");
const find = (name: string, isChosen: boolean) =>
  findCluster(at(name), "set AUTH_ADDRESS", { isChosen, running: running() });

describe("the suite that the tools find", () => {
  it("is that of the data directory", async () => {
    await pretend("data");
    expect((await find("data", true)).file).toBe(path.join(at("data"), "run.json"));
  });

  it("is the only one that runs, where no data directory was chosen", async () => {
    await pretend("other");
    await noteRunning(running(), at("other"));
    expect((await find("data", false)).file).toBe(path.join(at("other"), "run.json"));
  });

  it("is not another one than was chosen, but that is named", async () => {
    await pretend("other");
    await noteRunning(running(), at("other"));
    await expect(find("data", true)).rejects.toThrow(
      `No suite runs in ${at("data")}. Start one with npm start, set QRFORGE_DATA_DIR=${at("other")} to use one that runs, or`,
    );
  });

  it("is not one that was killed", async () => {
    await pretend("data", 2 ** 30);
    await expect(find("data", true)).rejects.toThrow(/No suite runs in .*npm start.* or set AUTH_ADDRESS\./);
  });
});
