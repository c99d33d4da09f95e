import { generateKeyPairSync } from "node:crypto";
import { describe, expect, it } from "vitest";
import { isSignedBy, parseAuditHead, type SignedAuditHead, signAuditHead } from "./audit-head.ts";

const pair = generateKeyPairSync("ed25519");
const head = { time: "2026-11-26T00:00:00.000Z", count: 57, hash: "ab".repeat(32) };
const signed = signAuditHead(head, pair.privateKey);

describe("a signed head of the audit trail", () => {
  it("is known by the public key of its signer alone", () => {
    expect(isSignedBy(signed, pair.publicKey)).toBe(true);
    expect(isSignedBy(signed, generateKeyPairSync("ed25519").publicKey)).toBe(false);
  });

  it("that was altered in any field is not", () => {
    const other = signAuditHead({ ...head, count: 58 }, pair.privateKey);
    const altered: Partial<SignedAuditHead>[] = [
      { time: "2026-11-27T00:00:00.000Z" },
      { count: 56 },
      { hash: "cd".repeat(32) },
      { key_id: "0123456789abcdef" },
      { signature: other.signature },
    ];
    for (const change of altered) expect(isSignedBy({ ...signed, ...change }, pair.publicKey)).toBe(false);
  });

  it("is read from a line of its own, or of a log", () => {
    expect(parseAuditHead(JSON.stringify(signed))).toEqual(signed);
    expect(parseAuditHead(JSON.stringify({ level: 30, msg: "signed", auditHead: signed }))).toEqual(signed);
    for (const line of ["", "x", "null", "[]", '{"count":1}', JSON.stringify({ ...signed, hash: "x" })]) {
      expect(parseAuditHead(line)).toBeUndefined();
    }
  });
});
