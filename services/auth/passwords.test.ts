import { describe, expect, it } from "vitest";
import { createPasswords, passwordIssue } from "./passwords.ts";
import { isLimited, subjectsOf, windowEndsInS } from "./sign-in-limits.ts";

describe("passwords", () => {
  const passwords = createPasswords();

  it("are kept as argon2id with a salt of their own, and are known again", async () => {
    const [one, other] = await Promise.all([passwords.hash("correct horse"), passwords.hash("correct horse")]);
    expect(one).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$[\w+/]{22}\$[\w+/]{43}$/);
    expect(one).not.toBe(other);
    expect(await passwords.verify("correct horse", one)).toBe(true);
    expect(await passwords.verify("wrong horse", one)).toBe(false);
    expect(await passwords.verify("correct horse", null)).toBe(false);
  });

  it("are refused when too many wait", async () => {
    const asked = Array.from({ length: 80 }, () => passwords.verify("x", null).catch((error) => error.reason));
    const outcomes = await Promise.all(asked);
    expect(outcomes.filter((outcome) => outcome === "UNAVAILABLE")).toHaveLength(80 - 66);
    expect(await passwords.verify("x", null)).toBe(false);
  });

  it("have 10 to 256 characters", () => {
    expect(passwordIssue("123456789")).toBeDefined();
    expect(passwordIssue("1234567890")).toBeUndefined();
    expect(passwordIssue("x".repeat(257))).toBeDefined();
  });
});

describe("limits on failed sign-ins", () => {
  const none = { address: 0, account: 0, pair: 0 };
  it("hold by address, by account and by the two together; strangers do not count against a known address", () => {
    expect(isLimited(none, false)).toBe(false);
    expect(isLimited({ ...none, address: 30 }, false)).toBe(true);
    expect(isLimited({ ...none, address: 30 }, true)).toBe(false);
    expect(isLimited({ ...none, pair: 10 }, true)).toBe(true);
    expect(isLimited({ ...none, pair: 9 }, false)).toBe(false);
    expect(isLimited({ ...none, account: 20, pair: 2 }, false)).toBe(false);
    expect(isLimited({ ...none, account: 20, pair: 3 }, false)).toBe(true);
    expect(isLimited({ ...none, account: 1_000 }, true)).toBe(false);
  });

  it("count under hashes that cannot be mistaken for one another", () => {
    const subjects = subjectsOf("a", "b");
    expect(new Set([subjects.address, subjects.account, subjects.pair].map(String)).size).toBe(3);
    expect(windowEndsInS(900_000 * 5 + 1_000)).toBe(899);
  });
});
