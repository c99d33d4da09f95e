import { mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { type Cluster, startCluster } from "../../dev/cluster.ts";
import { ephemeralOptions } from "../../dev/ephemeral-cluster.ts";
import { Plan } from "../../gen/qrforge/auth/v1/account_pb.ts";
import { addressesOf } from "../support/addresses.ts";
import { call, eventually, openAuth } from "../support/api.ts";
import { runProgram } from "../support/run.ts";

const closes: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closes.splice(0).reverse()) await close();
});

/** Mounts a small disk; returns its folder, or why there is none. */
async function mountDisk(): Promise<{ folder: string } | { obstacle: string }> {
  const folder = await mkdtemp(path.join(tmpdir(), "qrforge-disk-"));
  const { code, output } = await runProgram("mount", ["-t", "tmpfs", "-o", "size=400m,mode=777", "tmpfs", folder]);
  if (code !== 0) {
    await rm(folder, { recursive: true });
    return { obstacle: `a disk of its own needs the right to mount one: ${output.trim()}` };
  }
  closes.push(async () => {
    await runProgram("umount", ["-l", folder]);
    await rm(folder, { recursive: true });
  });
  return { folder };
}

/** Fills a disk to its last byte. Returns the file to delete. */
async function fill(folder: string): Promise<string> {
  const file = path.join(folder, "ballast");
  const handle = await open(file, "w");
  try {
    for (let size = 1 << 20; size >= 4_096; size /= 16) {
      const block = Buffer.alloc(size);
      await handle
        .writeFile(
          (function* () {
            for (;;) yield block;
          })(),
        )
        .catch((error: NodeJS.ErrnoException) => expect(error.code).toBe("ENOSPC"));
    }
  } finally {
    await handle.close();
  }
  return file;
}

describe("a full disk, of Postgres, NATS and the logs", { timeout: 180_000 }, () => {
  it("refuses changes with 503 and serves scans; with room again all works, and nothing is lost", async ({ skip }) => {
    const disk = await mountDisk();
    if ("obstacle" in disk) return skip(disk.obstacle);
    const dataDir = path.join(disk.folder, "data");
    const cluster: Cluster = await startCluster({ ...ephemeralOptions, dataDir, restart: true });
    closes.push(() => cluster.stop());
    const auth = openAuth(addressesOf(cluster, "auth"));
    closes.push(async () => auth.close());
    const { key } = await auth.newAccount(Plan.ENTERPRISE);
    const edge = cluster.edgeUrls()[0];

    const kept: string[] = [];
    const create = async () => {
      // Long, so that it soon needs another page of the table.
      const body = { name: "n", redirect_url: `https://example.com/${"x".repeat(2_000)}` };
      const answer = await call(`${edge}/v1/qr-codes`, { key, body });
      if (answer.status === 201) kept.push(answer.body.data.id);
      return answer;
    };
    const { slug, id } = (await create()).body.data;
    let scans = 0;
    const scan = async () => {
      expect((await call(`${edge}/${slug}`)).status).toBe(302);
      scans++;
    };
    await scan();

    const ballast = await fill(disk.folder);
    const refused = await eventually(create, ({ status }) => status !== 201, 30_000);
    expect([refused.status, refused.body.code]).toEqual([503, "unavailable"]);
    for (let count = 0; count < 100; count++) {
      await scan();
      expect([201, 503]).toContain((await create()).status);
    }

    await rm(ballast);
    await eventually(create, ({ status }) => status === 201, 60_000);
    for (const code of kept) expect((await call(`${edge}/v1/qr-codes/${code}`, { key })).status).toBe(200);
    await eventually(
      async () => (await call(`${edge}/v1/qr-codes/${id}`, { key })).body.data.scan_count,
      (counted) => counted === scans,
      30_000,
    );
  });
});
