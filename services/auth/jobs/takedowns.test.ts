import { describe, expect, it } from "vitest";
import type { Takedown } from "../../../gen/qrforge/qr/v1/takedown_pb.ts";
import type { TakedownRow } from "../store/takedowns.ts";
import { createHandOver } from "./takedowns.ts";

const row = (revision: number, takenDown = true): TakedownRow => ({
  ...{ accountId: "a", codeId: "", takenDown, reason: "", revision },
});

/** Hands a row over to a qr that has `stored`, while `overtake` returns what the database of auth then has. */
async function handOver(sent: TakedownRow, stored: TakedownRow[], overtake: () => TakedownRow[]) {
  const calls: bigint[] = [];
  const confirmed: number[] = [];
  const asked: TakedownRow[][] = [];
  const run = createHandOver({
    takedowns: {
      listUnconfirmed: async () => [],
      confirm: async (rows) => void confirmed.push(...rows.map(({ revision }) => revision)),
      async overtake(rows) {
        asked.push(rows);
        return overtake();
      },
    },
    qr: {
      async setTakedowns({ takedowns = [] }) {
        calls.push(...takedowns.map(({ revision = 0n }) => revision));
        const { takenDown, revision } = stored.shift() ?? row(1);
        const inForce = { takenDown, revision: BigInt(revision) } as Takedown;
        return { $typeName: "qrforge.qr.v1.SetTakedownsResponse", inForce: [inForce] };
      },
    },
  });
  await run([sent], { timeoutMs: 1_000 });
  return { calls, confirmed, asked };
}

describe("a state that is handed over", () => {
  it("is confirmed once qr has it", async () => {
    expect(await handOver(row(3), [row(3)], () => [])).toEqual({ calls: [3n], confirmed: [3], asked: [] });
  });

  it("is not handed over again if a newer one has been decided meanwhile", async () => {
    const { calls, asked } = await handOver(row(3), [row(4, false)], () => []);
    expect(calls).toEqual([3n]);
    expect(asked).toEqual([[row(4, false)]]);
  });

  it("is handed over with the revision after qr's if auth's database was set back, also to the same revision", async () => {
    expect((await handOver(row(3), [row(7, false), row(8)], () => [row(8)])).calls).toEqual([3n, 8n]);
    expect((await handOver(row(3), [row(3, false), row(4)], () => [row(4)])).calls).toEqual([3n, 4n]);
  });

  it("is not taken for handed over if qr has another one after each call", async () => {
    const stored = Array.from({ length: 9 }, (_, index) => row(100 + index, false));
    const handedOver = handOver(row(3), stored, () => [row(9)]);
    await expect(handedOver).rejects.toMatchObject({ reason: "UNAVAILABLE" });
  });
});
