import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { formatApiKey } from "../../../contracts/api-key.ts";
import { randomBase62 } from "../../../platform/ids.ts";
import { hashKey, readKey } from "./credentials.ts";

function newKey(): string {
  return formatApiKey(randomBase62(26));
}
const refused = expect.objectContaining({ reason: "UNAUTHORIZED" });

describe("the key of a request", () => {
  it("is read from x-api-key or from a bearer token", () => {
    const key = newKey();
    expect(readKey({ "x-api-key": key })).toBe(key);
    expect(readKey({ authorization: `Bearer ${key}` })).toBe(key);
    expect(readKey({ authorization: `bearer  ${key}` })).toBe(key);
    expect(readKey({ "x-api-key": key, authorization: `Bearer ${key}` })).toBe(key);
    expect(readKey({ "x-api-key": key, authorization: "Basic xyz" })).toBe(key);
  });

  it("is refused if missing, doubled, different or malformed", () => {
    const key = newKey();
    const bad = [
      {},
      { authorization: `Basic ${key}` },
      { "x-api-key": `${key}, ${key}` },
      { "x-api-key": key, authorization: `Bearer ${newKey()}` },
      { "x-api-key": key.replace("api_live_", "api_test_") },
      { "x-api-key": "" },
    ];
    for (const headers of bad) expect(() => readKey(headers)).toThrowError(refused);
  });

  it("is refused for every slip of one character", () => {
    const key = newKey();
    for (let at = 0; at < key.length; at++) {
      const slip = `${key.slice(0, at)}${key[at] === "x" ? "y" : "x"}${key.slice(at + 1)}`;
      expect(() => readKey({ "x-api-key": slip })).toThrowError(refused);
    }
  });

  it("is looked up by its SHA-256", () => {
    expect(hashKey("abc")).toBe(createHash("sha256").update("abc").digest("hex"));
  });
});
