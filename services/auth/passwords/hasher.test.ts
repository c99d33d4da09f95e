import { describe, expect, it } from "vitest";
import { passwordIssue } from "../domain/passwords.ts";
import { createPasswordHasher } from "./hasher.ts";

describe("passwords", () => {
  const passwords = createPasswordHasher();

  it("are kept as argon2id with a salt of their own, and are known again", async () => {
    const [one, other] = await Promise.all([passwords.hash("correct horse"), passwords.hash("correct horse")]);
    expect(one).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$[\w+/]{22}\$[\w+/]{43}$/);
    expect(one).not.toBe(other);
    expect(await passwords.verify("correct horse", one)).toBe(true);
    expect(await passwords.verify("wrong horse", one)).toBe(false);
    expect(await passwords.verify("correct horse", null)).toBe(false);
  });

  it("are refused when too many wait", { timeout: 30_000 }, async () => {
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
