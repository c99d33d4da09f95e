import fastify from "fastify";
import { describe, expect, it } from "vitest";
import { type AbuseOptions, serveAbuseContact } from "./abuse.ts";
import { createScanPages } from "./html-pages.ts";

const address = { url: "mailto:abuse@qr.example", text: "abuse@qr.example" };
const form = { url: 'https://qr.example/report?a=1&b="', text: 'https://qr.example/report?a=1&b="' };
const kinds = ["archived", "taken-down", "unknown", "unavailable"] as const;

describe("each page that scanners see", () => {
  it.each(kinds)("says where abuse is reported, and of which code: %s", (kind) => {
    const page = createScanPages(address)(kind, "menu");
    expect(page).toContain('<a href="mailto:abuse@qr.example?subject=Abuse%20of%20code%20menu"');
    expect(page).toMatch(/>Report abuse<\/a> \(code menu\)</);
    expect(createScanPages(form)(kind, "menu")).toContain('<a href="https://qr.example/report?a=1&#38;b=&#34;"');
  });

  it.each(kinds)("says nothing of it without a contact, and names no code of a path that cannot be one: %s", (kind) => {
    expect(createScanPages(undefined)(kind, "menu")).not.toMatch(/abuse|menu/i);
    expect(createScanPages(address)(kind)).toMatch(/subject=Abuse" rel="nofollow">Report abuse<\/a><\/p>/);
  });
});

describe("where abuse is reported", () => {
  const nowMs = Date.parse("2026-11-26T12:34:56Z");
  async function ask(path: string, options: Partial<AbuseOptions> = {}) {
    const app = fastify();
    serveAbuseContact(app, {
      ...{ abuseContact: address, publicUrl: "https://qr.example", shortUrlBase: "https://go.example" },
      clock: { now: () => nowMs },
      ...options,
    });
    const { statusCode, headers, body } = await app.inject(path);
    await app.close();
    return { statusCode, type: headers["content-type"], body };
  }

  it("is in security.txt, which has not expired whenever it is fetched", async () => {
    const lines = [
      "Contact: mailto:abuse@qr.example",
      "Expires: 2026-12-26T00:00:00.000Z",
      "Preferred-Languages: en",
      "Canonical: https://qr.example/.well-known/security.txt",
      "",
    ];
    const path = "/.well-known/security.txt";
    const expected = { statusCode: 200, type: "text/plain; charset=utf-8", body: lines.join("\n") };
    expect(await ask(path)).toEqual(expected);
    const inClearText = await ask(path, { publicUrl: "http://localhost:8080" });
    expect(inClearText.body).toBe(expected.body.replace(/Canonical:.*\n/, ""));
  });

  it("is on a page for people", async () => {
    const { statusCode, type, body } = await ask("/abuse");
    expect([statusCode, type]).toEqual([200, "text/html; charset=utf-8"]);
    expect(body).toContain('<a href="mailto:abuse@qr.example">abuse@qr.example</a>');
    expect(body).toContain("https://go.example/");
  });

  it("is nowhere if the operator has set nothing", async () => {
    for (const path of ["/abuse", "/.well-known/security.txt"]) {
      expect((await ask(path, { abuseContact: undefined })).statusCode).toBe(404);
    }
  });
});
