import { readFileSync } from "node:fs";
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { afterAll, describe, expect, inject, it } from "vitest";
import { createClient as createApiClient } from "../../clients/typescript/src/index.ts";
import { ApiService } from "../../gen/qrforge/api/v1/api_pb.ts";
import { Plan } from "../../gen/qrforge/auth/v1/account_pb.ts";
import { call, openAuth } from "../support/api.ts";

const { edges, rpcs, auths } = inject("cluster");
const edge = edges[0] as string;
const auth = openAuth(auths);
afterAll(() => auth.close());

const photo = readFileSync(new URL("../cases/logos/photo-640x480.jpg", import.meta.url));
const square = (comment: string, colour = "#c33") =>
  Buffer.from(
    `<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><!--${comment}--><path fill="${colour}" d="M0 0h9v9H0z"/></svg>`,
  );
const dataUrl = (type: string, bytes: Buffer) => `data:${type};base64,${bytes.toString("base64")}`;

async function upload(key: string, type: string, bytes: Buffer, headers: Record<string, string> = {}) {
  const options = { method: "POST", headers: { "x-api-key": key, "content-type": type, ...headers }, body: bytes };
  const response = await fetch(`${edge}/v1/logos`, options);
  return { status: response.status, headers: response.headers, body: JSON.parse(await response.text()) };
}

describe("a logo that is uploaded", () => {
  it("may have 1 MiB, as bytes or in JSON, is listed, and is drawn by its id", async () => {
    const { key } = await auth.newAccount(Plan.ENTERPRISE);
    // Over the 64 KiB of other bodies.
    const large = square(" ".repeat(900_000));
    const made = await upload(key, "image/svg+xml; charset=utf-8", large);
    expect(made).toMatchObject({ status: 201, body: { data: { width: 512, height: 512, bytes: expect.any(Number) } } });
    const { id } = made.body.data;
    const again = await call(`${edge}/v1/logos`, { key, body: { logo: dataUrl("image/svg+xml", large) } });
    expect([again.status, again.body.data]).toEqual([201, made.body.data]);
    const other = await upload(key, "image/jpeg", photo);
    expect(other).toMatchObject({ status: 201, body: { data: { width: 384, height: 288 } } });

    const first = await call(`${edge}/v1/logos?page_size=1`, { key });
    const rest = await call(`${edge}/v1/logos?next_page_token=${first.body.next_page_token}`, { key });
    const listed = [...first.body.items, ...rest.body.items].map((logo) => logo.id);
    expect([listed, rest.body.next_page_token]).toEqual([[other.body.data.id, id], null]);

    const body = { name: "n", redirect_url: "https://example.com/", style: { logo: id } };
    const code = await call(`${edge}/v1/qr-codes`, { key, body });
    expect([code.status, code.body.data?.style.logo]).toEqual([201, id]);
    const { key: stranger } = await auth.newAccount(Plan.ENTERPRISE);
    const foreign = await call(`${edge}/v1/qr-codes`, { key: stranger, body });
    expect([foreign.status, foreign.body.details?.[0].field]).toEqual([400, "style.logo"]);
    expect((await call(`${edge}/v1/logos`, { key: stranger })).body.items).toEqual([]);
  });

  it("is done once under an idempotency key, and another one under it is a conflict", async () => {
    const { key } = await auth.newAccount(Plan.ENTERPRISE);
    const once = { "idempotency-key": "logo-1" };
    const first = await upload(key, "image/svg+xml", square("a"), once);
    const replayed = await upload(key, "image/svg+xml", square("a"), once);
    expect([replayed.status, replayed.body.data, replayed.headers.get("idempotent-replayed")]).toEqual([
      201,
      first.body.data,
      "true",
    ]);
    const other = await upload(key, "image/svg+xml", square("b"), once);
    expect([other.status, other.body.code]).toEqual([422, "idempotency_conflict"]);
  });

  it("costs one, whatever becomes of it, and is refused with what to change", async () => {
    const { key } = await auth.newAccount(Plan.ENTERPRISE, { perMinute: 0n, perDay: 1_000n });
    const tooLarge = square(" ".repeat(1_048_576));
    const json = { key, body: { logo: dataUrl("image/svg+xml", tooLarge) } };
    for (const [answer, status, code] of [
      [await upload(key, "image/svg+xml", tooLarge), 413, "payload_too_large"],
      [await call(`${edge}/v1/logos`, json), 413, "payload_too_large"],
      [await upload(key, "image/webp", square("")), 415, "unsupported_media_type"],
      [await upload(key, "application/octet-stream", square("")), 415, "unsupported_media_type"],
      [await upload(key, "image/png", Buffer.from("no picture")), 400, "invalid_payload"],
      [await call(`${edge}/v1/logos`, { key, body: { logo: "0".repeat(32) } }), 400, "invalid_payload"],
      [await call(`${edge}/v1/logos`, { key, method: "POST" }), 400, "invalid_payload"],
    ] as const) {
      expect([answer.status, answer.body.code]).toEqual([status, code]);
      if (answer.body.details) expect(answer.body.details[0].field).toBe("logo");
    }
    const usage = await call(`${edge}/v1/usage`, { key });
    expect(usage.body.data.day.used).toBe(8);
  });

  it("may be as large over gRPC, and through the client", async () => {
    const { key } = await auth.newAccount(Plan.ENTERPRISE);
    const rpc = createClient(ApiService, createGrpcTransport({ baseUrl: `http://${rpcs[0]}` }));
    const headers = { "x-api-key": key };
    const large = square(" ".repeat(900_000), "#3c3");
    const { data } = await rpc.createLogo({ logo: dataUrl("image/svg+xml", large) }, { headers });
    const client = createApiClient({ baseUrl: edge, apiKey: key });
    const logo = await client.createLogo(new Blob([large], { type: "image/svg+xml" }));
    expect(logo.id).toBe(data?.id);
    const listed = [];
    for await (const one of client.listLogos()) listed.push(one);
    expect(listed).toEqual([logo]);
    expect((await rpc.listLogos({}, { headers })).items.map(({ id }) => id)).toEqual([logo.id]);
  });
});
