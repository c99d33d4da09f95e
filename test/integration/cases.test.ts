import { readFileSync } from "node:fs";
import postgres from "postgres";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { Plan } from "../../gen/qrforge/auth/v1/account_pb.ts";
import { randomBase36 } from "../../platform/ids.ts";
import { call, eventually, openAuth } from "../support/api.ts";

const { edges, auths, databaseUrl } = inject("cluster");
const owner = postgres(databaseUrl, { max: 1 });
const [edge = ""] = edges;
const auth = openAuth(auths);
let key: string;
beforeAll(async () => {
  ({ key } = await auth.newAccount(Plan.ENTERPRISE));
});
afterAll(async () => {
  auth.close();
  await owner.end();
});

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

describe("text that is equal but not the same", () => {
  const names = readCases<{ given: string; stored?: string; issue?: string }>("names");

  it("is one text: in names and descriptions, of codes and projects", async () => {
    for (const { given, stored, issue } of names) {
      const code = await call(`${edge}/v1/qr-codes`, {
        key,
        body: { name: given, redirect_url: "https://example.com/" },
      });
      const project = await call(`${edge}/v1/projects`, { key, body: { name: given, description: stored && given } });
      for (const { status, body } of [code, project]) {
        expect([given, status, body.data?.name, body.details?.[0].issue]).toEqual([
          given,
          issue ? 400 : 201,
          stored,
          issue,
        ]);
      }
      expect(project.body.data?.description).toBe(stored);
    }
  });

  it("is found however it is typed", async () => {
    const some = randomBase36(10);
    const body = { name: `Cafe\u0301 ${some}`, redirect_url: "https://example.com/" };
    const { id } = (await call(`${edge}/v1/qr-codes`, { key, body })).body.data;
    const find = async (q: string) =>
      (await call(`${edge}/v1/qr-codes?q=${encodeURIComponent(q)}`, { key })).body.items.map(
        (item: { id: string }) => item.id,
      );
    for (const word of ["Caf\u00e9", "Cafe\u0301"]) expect(await find(`${word} ${some}`)).toEqual([id]);
    const name = `Ko\u0308ln ${some}`;
    const changed = await call(`${edge}/v1/qr-codes/${id}`, { key, method: "PATCH", body: { name } });
    expect(changed.body.data.name).toBe(`K\u00f6ln ${some}`);
    for (const word of ["k\u00d6ln", "kO\u0308ln"]) expect(await find(`${word} ${some}`)).toEqual([id]);
    const before = `Zu\u0308rich ${some}`;
    const migration = new URL("../../services/qr/migrations/0012_nfc_names.sql", import.meta.url);
    await owner`update qr.codes set name = ${before} where code_id = ${id}`;
    await owner.unsafe(readFileSync(migration, "utf8"));
    expect(await find(`z\u00fcrich ${some}`)).toEqual([id]);
    const hidden = await call(`${edge}/v1/qr-codes?q=%E2%80%AE`, { key });
    expect([hidden.status, hidden.body.details[0]]).toEqual([
      400,
      { field: "q", issue: "has U+202E, which cannot be seen; remove it" },
    ]);
  });
});
