import { describe, expect, it } from "vitest";
import { type AuditRecord, type ChainedRecord, chainHash, checkChain, checkEnd } from "./audit.ts";

function chain(length: number): ChainedRecord[] {
  let hash: Buffer = Buffer.alloc(0);
  return Array.from({ length }, (_, index) => {
    const record: AuditRecord = {
      sequence: index + 1,
      atMs: index,
      actor: "a",
      address: "b",
      action: "c",
      accountId: "d",
      keyId: "",
      details: "{}",
    };
    hash = chainHash(hash, record);
    return { ...record, hash };
  });
}
const start = { checked: 0, hash: Buffer.alloc(0) };
const headOf = (entries: ChainedRecord[]) => {
  const last = entries.at(-1) as ChainedRecord;
  return { sequence: last.sequence, hash: last.hash };
};
const check = (entries: ChainedRecord[], head: { sequence: number; hash: Buffer }) =>
  checkEnd(checkChain(start, entries), head).fault;

describe("the chain of changes", () => {
  const whole = chain(5);
  it("is in order, in one piece or in several", () => {
    expect(check(whole, headOf(whole))).toBeUndefined();
    const half = checkChain(start, whole.slice(0, 2));
    expect(checkEnd(checkChain(half, whole.slice(2)), headOf(whole)).fault).toBeUndefined();
  });

  it("shows an entry altered in any field", () => {
    for (const field of ["atMs", "actor", "address", "action", "accountId", "keyId", "details"] as const) {
      const altered = whole.map((entry) => (entry.sequence === 3 ? { ...entry, [field]: "x" } : entry));
      expect(check(altered as ChainedRecord[], headOf(whole))).toMatchObject({ sequence: 3 });
    }
  });

  it("shows an entry removed in the middle or at the end, and one added", () => {
    expect(
      check(
        whole.filter(({ sequence }) => sequence !== 2),
        headOf(whole),
      ),
    ).toMatchObject({ sequence: 2 });
    expect(check(whole.slice(0, 4), headOf(whole))).toEqual({ sequence: 5, problem: "was removed" });
    expect(check(chain(6), headOf(whole))).toEqual({ sequence: 6, problem: "was added" });
  });
});
