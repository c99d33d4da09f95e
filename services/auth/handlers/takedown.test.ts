import { describe, expect, it } from "vitest";
import { ServiceError } from "../../../platform/errors.ts";
import { handOverInTime } from "./takedown.ts";

const rows = [{ accountId: "a", codeId: "", takenDown: true, reason: "", revision: 1 }];
const contextOf = (remainingMs: number) => ({ remainingMs: () => remainingMs, peer: "operator" });

describe("handing a state over to qr", () => {
  it("says what is done and that it goes on, whatever keeps qr from confirming", async () => {
    for (const error of [new ServiceError("UNAVAILABLE"), new ServiceError("DEADLINE_EXCEEDED"), new Error("bug")]) {
      const failed = handOverInTime(() => Promise.reject(error), rows, contextOf(15_000), "The account is disabled");
      await expect(failed).rejects.toMatchObject({
        reason: "UNAVAILABLE",
        message: expect.stringMatching(/^The account is disabled, but qr, .* has not confirmed it.* handed over until/),
        cause: error,
      });
    }
  });

  it("leaves time for two repeats by the caller's client, which wait as well", async () => {
    const waits: number[] = [];
    const handOver = async (_: unknown, { timeoutMs }: { timeoutMs: number }) => void waits.push(timeoutMs);
    for (const remainingMs of [Number.POSITIVE_INFINITY, 15_000, 9_000, 0]) {
      await handOverInTime(handOver, rows, contextOf(remainingMs), "done");
    }
    expect(waits).toEqual([5_000, 5_000, 3_000, 1]);
  });
});
