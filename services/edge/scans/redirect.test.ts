import fastify from "fastify";
import { pino } from "pino";
import { describe, expect, it } from "vitest";
import { ServiceError } from "../../../platform/errors.ts";
import { createScanPages } from "./html-pages.ts";
import { type RedirectOptions, serveRedirects } from "./redirect.ts";

type ResolveSlug = RedirectOptions["upstreams"]["resolveSlug"];

/** Scans a code with some headers, and returns the response, the log lines, and the ids of codes whose scan was recorded. */
async function scan(resolveSlug: ResolveSlug, headers: Record<string, string> = {}) {
  const lines: Record<string, unknown>[] = [];
  const recorded: string[] = [];
  const app = fastify();
  serveRedirects(app, {
    upstreams: { resolveSlug },
    pages: createScanPages(undefined),
    scanRecorder: { record: (codeId) => void recorded.push(codeId), close: async () => {} },
    slots: { acquire: () => ({ [Symbol.dispose]: () => {} }) },
    originOf: () => ({ address: "192.0.2.1", isProxied: false, isSecure: false }),
    countryHeader: "",
    timeoutMs: 1_000,
    log: pino({ level: "warn" }, { write: (line) => lines.push(JSON.parse(line)) }),
  });
  const answer = await app.inject({ url: "/qr-0000000", headers });
  await app.close();
  return { answer, lines, recorded };
}

describe("a scan while qr cannot be reached", () => {
  it("gets a page that asks to try again, and leaves a line in the log", async () => {
    const { answer, lines } = await scan(() => Promise.reject(new ServiceError("UNAVAILABLE", "no replica answers")));
    expect([answer.statusCode, answer.headers["retry-after"]]).toEqual([503, "1"]);
    expect(answer.body).toContain("Please try again in a moment");
    expect(lines).toEqual([expect.objectContaining({ use: "redirects", reason: "UNAVAILABLE", msg: "not available" })]);
  });
});

describe("a redirect that a browser loads ahead", () => {
  it("is answered alike, and is no scan", async () => {
    const location = "https://example.com/";
    const active: ResolveSlug = async () => ({ status: "active", accountId: "a", codeId: "c", location });
    for (const [headers, scans] of [
      [{}, ["c"]],
      [{ "sec-purpose": "prefetch;prerender" }, []],
      [{ purpose: "prefetch" }, []],
      [{ "x-moz": "prefetch" }, []],
      [{ "x-purpose": "preview" }, []],
    ] as const) {
      const { answer, recorded } = await scan(active, headers);
      expect([answer.statusCode, answer.headers.location, recorded]).toEqual([302, location, scans]);
    }
  });
});
