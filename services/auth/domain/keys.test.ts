import { createHash } from "node:crypto";
import { expect, it } from "vitest";
import { tracesOf } from "./keys.ts";

it("a key leaves its hash, its first 13 and its last 4 characters", () => {
  const key = `api_live_${"0".repeat(26)}3vSKjy`;
  expect(tracesOf(key)).toEqual({
    hash: createHash("sha256").update(key).digest(),
    prefix: "api_live_0000",
    last4: "SKjy",
  });
});
