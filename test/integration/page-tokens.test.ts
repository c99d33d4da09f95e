import { afterAll, describe, expect, inject, it } from "vitest";
import { Plan } from "../../gen/qrforge/auth/v1/account_pb.ts";
import { createPageTokens } from "../../platform/postgres/page-tokens.ts";
import { openPool } from "../../platform/postgres/pool.ts";
import { createLogger } from "../../platform/telemetry/log.ts";
import { call, openAuth } from "../support/api.ts";

const { edges, auths, databaseUrl } = inject("cluster");
const [edge = ""] = edges;
const auth = openAuth(auths);
const log = createLogger({ service: "test", level: "silent" });
const pool = { databaseUrl, databasePassword: "", databasePoolSize: 2, statementTimeoutMs: 5_000, log };
const sql = openPool({ ...pool, schema: "page_tokens_test" });
afterAll(async () => {
  auth.close();
  await sql`drop schema if exists page_tokens_test cascade`;
  await sql.end();
});

async function accountWithCodes(names: string[]) {
  const { key } = await auth.newAccount(Plan.ENTERPRISE);
  for (const name of names) {
    const body = { name, redirect_url: "https://example.com/" };
    expect((await call(`${edge}/v1/qr-codes`, { key, body })).status).toBe(201);
  }
  return key;
}
const list = (key: string, query: string) => call(`${edge}/v1/qr-codes?${query}`, { key });

describe("a page token", () => {
  it("works for the list that it came from alone: the same account, filters and kind", async () => {
    const key = await accountWithCodes(["a1", "a2", "a3"]);
    const { body } = await list(key, "page_size=1&q=a");
    const token = encodeURIComponent(body.next_page_token);
    expect((await list(key, `page_size=2&q=a&next_page_token=${token}`)).body.items).toHaveLength(2);
    const other = await accountWithCodes(["a1"]);
    const refused = [
      await list(other, `q=a&next_page_token=${token}`),
      await list(key, `q=b&next_page_token=${token}`),
      await list(key, `next_page_token=${token}`),
      await list(key, `q=a&status=all&next_page_token=${token}`),
      await call(`${edge}/v1/projects?next_page_token=${token}`, { key }),
    ];
    for (const { status, body: answer } of refused) {
      expect([status, answer.code, answer.details[0].field]).toEqual([400, "invalid_request", "next_page_token"]);
    }
  });

  it("that was altered or made up is refused", async () => {
    const key = await accountWithCodes(["a1", "a2"]);
    const { next_page_token: token } = (await list(key, "page_size=1")).body;
    const bytes = Buffer.from(token, "base64url");
    const altered = [...bytes.keys()].map((index) => {
      const copy = Buffer.from(bytes);
      copy[index] = (copy[index] as number) ^ 1;
      return copy.toString("base64url");
    });
    const padded = [`${token}x`, `${token}=`, `${token}%20`, `!${token}`, `${token.slice(0, 9)}.${token.slice(9)}`];
    for (const bad of [...altered, ...padded, "!", "abc", "a".repeat(5_000)]) {
      expect([bad, (await list(key, `next_page_token=${bad}`)).status]).toEqual([bad, 400]);
    }
  });
});

describe("the secrets of page tokens", () => {
  it("are shared, rotate, and leave the tokens of the one before good", async () => {
    await sql.unsafe(`create schema page_tokens_test; create table page_tokens_test.page_token_secrets (like
      qr.page_token_secrets including all)`);
    let nowMs = 0;
    const clock = { monotonic: () => nowMs };
    const [one, other] = [1, 2].map(() => createPageTokens(sql, "page_tokens_test", clock));
    if (!one || !other) throw new Error("there are two");
    const name = ["codes", "account"];
    const cursor = { createdAt: new Date("2026-11-24T10:00:00.123Z"), id: "a1B2".repeat(5) };
    const token = await one.encode(name, cursor);
    expect(await other.decode(name, token)).toEqual(cursor);
    expect([await one.encode(name, undefined), await one.decode(name, "")]).toEqual(["", undefined]);

    const age = () => sql`update page_tokens_test.page_token_secrets set rotated_at = now() - interval '31 days'`;
    await age();
    nowMs += 61_000;
    const next = await one.encode(name, cursor);
    expect(next).not.toBe(token);
    // The other one has not read the new secret yet, and finds it out by this token.
    expect(await other.decode(name, next)).toEqual(cursor);
    expect(await one.decode(name, token)).toEqual(cursor);

    await age();
    nowMs += 61_000;
    await one.encode(name, cursor);
    await expect(one.decode(name, token)).rejects.toMatchObject({ reason: "INVALID_REQUEST" });
    expect(await one.decode(name, next)).toEqual(cursor);
  });
});
