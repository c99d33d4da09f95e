import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { createAgentLookup, isMadeAhead } from "./attributes.ts";

const file = new URL("../../../test/cases/user-agents/cases.json", import.meta.url);
const { cases }: { cases: { userAgent: string; isRobot: boolean }[] } = JSON.parse(readFileSync(file, "utf8"));

describe("who scans", () => {
  const agentOf = createAgentLookup();
  it.each(cases)("is a person or a robot ($isRobot): $userAgent", ({ userAgent, isRobot }) => {
    expect(agentOf(userAgent).isRobot).toBe(isRobot);
  });

  it("is nobody yet where something is loaded ahead", () => {
    for (const headers of [
      { "sec-purpose": "prefetch" },
      { "sec-purpose": "prefetch;prerender" },
      { "sec-purpose": "prefetch;anonymous-client-ip" },
      { purpose: "prefetch" },
      { purpose: "preview" },
      { "x-purpose": "Preview" },
      { "x-moz": "prefetch" },
    ]) {
      expect([headers, isMadeAhead(headers)]).toEqual([headers, true]);
    }
    for (const headers of [
      {},
      { purpose: "" },
      { "sec-fetch-mode": "navigate", "x-requested-with": "com.qr.scanner" },
    ]) {
      expect([headers, isMadeAhead(headers)]).toEqual([headers, false]);
    }
  });
});
