import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { Plan } from "../../gen/qrforge/auth/v1/account_pb.ts";
import { randomBase36 } from "../../platform/ids.ts";
import { call, eventually, openAuth } from "../support/api.ts";

const { edges, auths } = inject("cluster");
const [edge = ""] = edges;
const auth = openAuth(auths);
let key: string;
beforeAll(async () => {
  ({ key } = await auth.newAccount(Plan.ENTERPRISE));
});
afterAll(() => auth.close());

function readCases<Case>(folder: string): Case[] {
  return JSON.parse(readFileSync(new URL(`../cases/${folder}/cases.json`, import.meta.url), "utf8")).cases;
}

describe("what a person types for a printed address", () => {
  it("leads to the code that is meant, and is counted, or to none", async () => {
    const slug = `menu-${randomBase36(10)}-1`;
    const body = { name: "n", redirect_url: "https://example.com/menu", slug };
    const { id } = (await call(`${edge}/v1/qr-codes`, { key, body })).body.data;
    const cases = readCases<{ path: string; slug: string | null }>("typed-slugs");
    let scans = 0;
    for (const { path, slug: meant } of cases) {
      const typed = path.replace("menu", slug.slice(0, -2)).replace("MENU", slug.slice(0, -2).toUpperCase());
      const { status } = await call(`${edge}${typed.replace("Menu", `M${slug.slice(1, -2)}`)}`);
      expect([path, status]).toEqual([path, meant === null ? 404 : 302]);
      if (meant !== null) scans++;
    }
    await eventually(
      async () => (await call(`${edge}/v1/qr-codes/${id}`, { key })).body.data.scan_count,
      (counted) => counted === scans,
    );
  });

  it("names the code in the API as well", async () => {
    const slug = `table-${randomBase36(5)}`;
    const body = { name: "n", redirect_url: "https://example.com/", slug };
    const { id } = (await call(`${edge}/v1/qr-codes`, { key, body })).body.data;
    for (const path of [slug, slug.toUpperCase(), `${slug.toUpperCase()}/image`, `${slug.toUpperCase()}/scans`]) {
      expect((await call(`${edge}/v1/qr-codes/${path}`, { key })).status).toBe(200);
    }
    expect((await call(`${edge}/v1/qr-codes/${slug.toUpperCase()}`, { key })).body.data.id).toBe(id);
  });
});
