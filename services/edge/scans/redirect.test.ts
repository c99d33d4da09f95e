import fastify from "fastify";
import { pino } from "pino";
import { describe, expect, it } from "vitest";
import { ServiceError } from "../../../platform/errors.ts";
import { createScanPages } from "./html-pages.ts";
import { serveRedirects } from "./redirect.ts";

/** Scans a code while qr fails with `error`, and returns the response and the log lines. */
async function scanWhile(error: Error) {
  const lines: Record<string, unknown>[] = [];
  const app = fastify();
  serveRedirects(app, {
    upstreams: { resolveSlug: () => Promise.reject(error) },
    pages: createScanPages(undefined),
    scanRecorder: { record: () => {}, close: async () => {} },
    slots: { acquire: () => ({ [Symbol.dispose]: () => {} }) },
    originOf: () => ({ address: "192.0.2.1", isProxied: false, isSecure: false }),
    countryHeader: "",
    timeoutMs: 1_000,
    log: pino({ level: "warn" }, { write: (line) => lines.push(JSON.parse(line)) }),
  });
  const answer = await app.inject("/qr-0000000");
  await app.close();
  return { answer, lines };
}

describe("a scan while qr cannot be reached", () => {
  it("gets a page that asks to try again, and leaves a line in the log", async () => {
    const { answer, lines } = await scanWhile(new ServiceError("UNAVAILABLE", "no replica answers"));
    expect([answer.statusCode, answer.headers["retry-after"]]).toEqual([503, "1"]);
    expect(answer.body).toContain("Please try again in a moment");
    expect(lines).toEqual([expect.objectContaining({ use: "redirects", reason: "UNAVAILABLE", msg: "not available" })]);
  });
});
