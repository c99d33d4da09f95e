import { describe, expect, it } from "vitest";
import { createGate, createShares } from "./gate.ts";

const caller = (remainingMs = 1_000, accountId = "a") => ({ accountId, remainingMs: () => remainingMs });

/** Work that ends when told. */
function held() {
  let end = () => {};
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  return { work: () => ended, end: () => end() };
}

describe("a gate", () => {
  it("lets so many in, so many wait, and refuses more", async () => {
    const gate = createGate(1, 1);
    const first = held();
    const inside = gate.pass(caller(), first.work);
    const waiting = gate.pass(caller(), async () => "in");
    await expect(gate.pass(caller(), async () => "in")).rejects.toMatchObject({ reason: "UNAVAILABLE" });
    first.end();
    await inside;
    expect(await waiting).toBe("in");
    expect(await gate.pass(caller(), async () => "again")).toBe("again");
  });

  it("sends away those for whom nobody waits, when there is no room for others, and they keep nothing", async () => {
    const gate = createGate(1, 1);
    const first = held();
    const inside = gate.pass(caller(), first.work);
    const late = gate.pass(caller(0), async () => "in");
    const other = gate.pass(caller(), async () => "in");
    await expect(late).rejects.toMatchObject({ reason: "DEADLINE_EXCEEDED" });
    first.end();
    await inside;
    expect(await other).toBe("in");
    expect(await gate.pass(caller(), async () => "again")).toBe("again");
  });
});

describe("shares", () => {
  it("are each account's own, and given back also after a failure", async () => {
    const shares = createShares(1);
    const first = held();
    const inside = shares.take(caller(), first.work);
    await expect(shares.take(caller(), async () => 1)).rejects.toMatchObject({ reason: "UNAVAILABLE" });
    expect(await shares.take(caller(1_000, "b"), async () => 1)).toBe(1);
    first.end();
    await inside;
    await expect(shares.take(caller(), () => Promise.reject(new Error("broken")))).rejects.toThrow("broken");
    expect(await shares.take(caller(), async () => 2)).toBe(2);
  });
});
