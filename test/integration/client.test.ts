import { afterAll, describe, expect, expectTypeOf, inject, it } from "vitest";
import type { z } from "zod";
import {
  createClient,
  etagOf,
  type Project,
  type QrCode,
  QrForgeError,
  type RateLimit,
  type ScanCounts,
  type Usage,
} from "../../clients/typescript/src/index.ts";
import { Plan } from "../../gen/qrforge/auth/v1/account_pb.ts";
import type { projectResponse } from "../../services/edge/api/responses/project.ts";
import type { qrCodeResponse } from "../../services/edge/api/responses/qr-code.ts";
import type { scansResponse } from "../../services/edge/api/responses/scans.ts";
import type { usageResponse } from "../../services/edge/api/responses/usage.ts";
import { routes } from "../../services/edge/api/routes/index.ts";
import { openAuth } from "../support/api.ts";
import { root, runProgram } from "../support/run.ts";

const { edges, auths } = inject("cluster");
const auth = openAuth(auths);
afterAll(() => auth.close());

/** A client whose answers are given by hand before they come from the edge; it notes its pauses and requests. */
async function newClient(first: (Response | Error)[] = [], limits?: { perMinute: bigint; perDay: bigint }) {
  const { key } = await auth.newAccount(Plan.ENTERPRISE, limits);
  const rateLimits: RateLimit[][] = [];
  const pauses: number[] = [];
  const sent: { url: string; headers: Headers }[] = [];
  const client = createClient({
    baseUrl: `${edges[0]}/`,
    apiKey: key,
    random: () => 1,
    onRateLimits: (given) => void rateLimits.push(given),
    sleep: async (ms) => void pauses.push(ms),
    fetch: async (url, init) => {
      sent.push({ url: String(url), headers: new Headers(init?.headers) });
      const given = first.shift();
      if (given instanceof Error) throw given;
      return given ?? fetch(url, init);
    },
  });
  return { client, pauses, sent, rateLimits };
}
const refusal = (status: number, code: string, headers: Record<string, string> = {}) =>
  new Response(JSON.stringify({ ok: false, code, message: code }), { status, headers });

describe("the TypeScript client", () => {
  it("has the types that the API answers with", () => {
    expectTypeOf<z.output<typeof qrCodeResponse>>().toEqualTypeOf<QrCode>();
    expectTypeOf<z.output<typeof projectResponse>>().toEqualTypeOf<Project>();
    expectTypeOf<z.output<typeof usageResponse>>().toEqualTypeOf<Usage>();
    expectTypeOf<z.output<typeof scansResponse>>().toExtend<ScanCounts>();
  });

  it("does everything that the API does", async () => {
    const { client, sent } = await newClient();
    const code = await client.createQrCode({
      name: "Menu",
      redirect_url: "https://example.com/",
      style: { module_shape: "dot" },
    });
    expect((await client.getQrCode(code.slug)).id).toBe(code.id);
    const changed = await client.updateQrCode(code.id, { redirect_url: "https://example.org/" });
    expect(changed.redirect_url).toBe("https://example.org/");
    const image = await client.getQrCodeImage(code.id, { format: "png", size: 100 });
    expect([image.contentType, image.content.length > 100]).toEqual(["image/png", true]);
    expect((await client.countScans(code.id, { by: "device" })).total).toBe(0);
    const project = await client.createProject({ name: "Labels" });
    expect((await client.getProject(project.id)).name).toBe("Labels");
    await client.createQrCodes(
      Array.from({ length: 7 }, (_, index) => ({ name: `n${index}`, redirect_url: "https://example.com/" })),
    );
    const names: string[] = [];
    for await (const one of client.listQrCodes({ pageSize: 3 })) names.push(one.name);
    expect(names).toHaveLength(8);
    const projects: string[] = [];
    for await (const one of client.listProjects()) projects.push(one.name);
    expect(projects).toEqual(["Labels", "Default"]);
    expect((await client.getUsage()).day.used).toBe(sent.length + 6);
    const called = new Set(sent.map(({ url }) => new URL(url).pathname.split("/").length));
    expect(called.size).toBeGreaterThan(2);
    expect(Object.keys(client)).toHaveLength(routes.length);
  });

  it("tells what was at fault", async () => {
    const { client } = await newClient();
    const error = await client.createQrCode({ name: "", redirect_url: "x" }).catch((cause) => cause);
    expect(error).toBeInstanceOf(QrForgeError);
    expect(error).toMatchObject({
      status: 400,
      code: "invalid_payload",
      requestId: expect.stringMatching(/^[0-9a-f-]{36}$/),
    });
    expect(error.details.map(({ field }: { field: string }) => field)).toEqual(["name", "redirect_url"]);
  });

  it("sends again what was lost or refused for a moment, under the same key, and honours Retry-After", async () => {
    const { client, pauses, sent } = await newClient([
      new Error("connection reset"),
      refusal(503, "unavailable", { "retry-after": "1" }),
      refusal(429, "rate_limit_minute", { "retry-after": "17" }),
      refusal(504, "deadline_exceeded"),
    ]);
    const code = await client.createQrCode({ name: "n", redirect_url: "https://example.com/" });
    expect(code.name).toBe("n");
    expect(pauses).toEqual([200, 1_000, 17_000, 1_600]);
    expect(new Set(sent.map(({ headers }) => headers.get("idempotency-key"))).size).toBe(1);
    const all: string[] = [];
    for await (const one of client.listQrCodes()) all.push(one.id);
    expect(all).toEqual([code.id]);
  });

  it("gives up after four retries, and does not wait for a new day or send again what may do harm", async () => {
    const gone = await newClient(Array.from({ length: 5 }, () => refusal(503, "unavailable")));
    await expect(gone.client.getUsage()).rejects.toMatchObject({ status: 503, code: "unavailable" });
    expect(gone.sent).toHaveLength(5);
    const spent = await newClient([refusal(429, "rate_limit_day", { "retry-after": "40000" })]);
    await expect(spent.client.getUsage()).rejects.toMatchObject({ code: "rate_limit_day" });
    expect(spent.sent).toHaveLength(1);
    const edit = await newClient([refusal(504, "deadline_exceeded")]);
    const change = { name: "n", status: "archived" } as const;
    await expect(edit.client.updateQrCode("x", change)).rejects.toMatchObject({ status: 504 });
    expect(edit.sent).toHaveLength(1);
    const odd = await newClient([new Response("<html>", { status: 418 })]);
    await expect(odd.client.getUsage()).rejects.toMatchObject({ status: 418, code: "unexpected_answer" });
  });

  it("changes a code only if nobody else has, and does not repeat such a change", async () => {
    const { client } = await newClient();
    const made = await client.createQrCode({ name: "Menu", redirect_url: "https://example.com/" });
    const read = await client.getQrCode(made.id);
    expect([etagOf(made), etagOf({ ...made })]).toEqual([etagOf(read), undefined]);
    const changed = await client.updateQrCode(made.id, { name: "Lunch" }, { ifMatch: etagOf(read) });
    const late = client.updateQrCode(made.id, { name: "Dinner" }, { ifMatch: etagOf(read) });
    await expect(late).rejects.toMatchObject({ status: 412, code: "precondition_failed" });
    const { name } = await client.updateQrCode(made.id, { name: "Dinner" }, { ifMatch: etagOf(changed) });
    expect(name).toBe("Dinner");
    const lost = await newClient([new Error("connection reset")]);
    const change = lost.client.updateQrCode("x", { name: "n" }, { ifMatch: '"1.1"' });
    await expect(change).rejects.toMatchObject({ code: "connection_failed" });
    expect(lost.sent).toHaveLength(1);
  });

  it("shows what is left of the account's limits, and how long to wait", async () => {
    const { client, rateLimits } = await newClient([], { perMinute: 600n, perDay: 0n });
    await client.getUsage();
    expect(rateLimits).toEqual([[{ window: "minute", limit: 600, remaining: 599, resetMs: expect.any(Number) }]]);
    const spent = await newClient([refusal(429, "rate_limit_day", { "retry-after": "40000" })]);
    await expect(spent.client.getUsage()).rejects.toMatchObject({ retryAfterMs: 40_000_000 });
    expect(spent.rateLimits).toEqual([[]]);
  });

  it("ends with its signal, also in a pause before a retry", async () => {
    const stop = new AbortController();
    const options = { baseUrl: edges[0] as string, apiKey: "k", sleep: () => new Promise<void>(() => {}) };
    const client = createClient({ ...options, fetch: async () => refusal(503, "unavailable") });
    const ended = client.getUsage({ signal: stop.signal });
    stop.abort(new Error("no longer needed"));
    await expect(ended).rejects.toThrow("no longer needed");
    await expect(client.getUsage({ signal: stop.signal })).rejects.toThrow("no longer needed");
    await expect(client.listQrCodes({}, { signal: stop.signal }).next()).rejects.toThrow("no longer needed");
  });

  it("refuses a URL or a key that can never work when it is created, without showing the key", async () => {
    const issueOf = (baseUrl: string, apiKey: string) => {
      try {
        createClient({ baseUrl, apiKey });
      } catch (error) {
        return error;
      }
    };
    const urls = [
      "",
      "qr.example.com",
      "ftp://qr.example.com",
      "https://a:b@qr.example.com",
      "https://qr.example.com/?a",
    ];
    for (const url of urls) {
      const error = issueOf(url, "k");
      expect(error, url).toBeInstanceOf(QrForgeError);
      expect(error).toMatchObject({ code: "invalid_option", message: expect.stringMatching(/^baseUrl must /) });
    }
    for (const key of ["", "api_live_x\n", "api_live_é"]) {
      const error = issueOf("https://qr.example.com", key) as QrForgeError;
      expect([error.code, error.message]).toEqual(["invalid_option", expect.stringMatching(/^apiKey must /)]);
      if (key !== "") expect(error.message).not.toContain("api_live");
    }
    const { client, sent } = await newClient();
    const code = { name: "n", redirect_url: "https://example.com/" };
    await expect(client.createQrCode(code, { idempotencyKey: "a\nb" })).rejects.toMatchObject({
      code: "invalid_option",
    });
    expect(sent).toEqual([]);
  });

  it("compiles as a package of its own", async () => {
    const { code, output } = await runProgram("tsc", ["-p", "clients/typescript", "--noEmit"], { cwd: root });
    expect(code, output).toBe(0);
  });
});
