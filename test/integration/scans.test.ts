import { randomUUID } from "node:crypto";
import { request } from "node:http";
import { pino } from "pino";
import { afterAll, describe, expect, inject, it } from "vitest";
import { seeded } from "../../dev/seed/random.ts";
import { Plan } from "../../gen/qrforge/auth/v1/account_pb.ts";
import { openPool } from "../../platform/postgres/pool.ts";
import { createScanStore } from "../../services/qr/store/scans.ts";
import { call, eventually, openAuth } from "../support/api.ts";

const { edges, auths, databaseUrl } = inject("cluster");
const edge = edges[0] as string;
const auth = openAuth(auths);
const sql = openPool({
  ...{ databaseUrl, databasePassword: "", databasePoolSize: 8, statementTimeoutMs: 5_000, schema: "qr" },
  log: pino({ level: "silent" }),
});
afterAll(async () => {
  auth.close();
  await sql.end();
});

const phone =
  "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1";
const laptop = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36";
const crawler = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)";

async function newCode(redirect_url = "https://example.com/") {
  const { key } = await auth.newAccount(Plan.ENTERPRISE);
  const { body } = await call(`${edge}/v1/qr-codes`, { key, body: { name: "n", redirect_url } });
  return { key, code: body.data };
}
const scan = (slug: string, headers: Record<string, string>, index = 0, method = "GET") =>
  call(`${edges[index % edges.length]}/${slug}`, { method, headers });

describe("the scans of a code", () => {
  it("are counted by day and hour, by device and referrer, and by visitor", async () => {
    const { key, code } = await newCode();
    const from = new Date();
    await scan(code.slug, { "user-agent": phone, referer: "https://shop.example/menu" });
    await scan(code.slug, { "user-agent": phone }, 1);
    await scan(code.slug, { "user-agent": laptop });
    await scan(code.slug, { "user-agent": crawler });
    await scan(code.slug, { "user-agent": phone }, 0, "HEAD");
    const counts = async (query: string) =>
      (await call(`${edge}/v1/qr-codes/${code.slug}/scans?${query}`, { key })).body.data;
    const byDay = await eventually(
      () => counts(`from=${from.toISOString().slice(0, 10)}&by=device`),
      ({ total }) => total >= 3,
    );
    expect(byDay).toMatchObject({ total: 3, unique_visitors: 2, interval: "day", by: "device" });
    expect(byDay.values).toEqual([
      { value: "mobile", scans: 2 },
      { value: "desktop", scans: 1 },
    ]);
    const day = `${from.toISOString().slice(0, 10)}T00:00:00.000Z`;
    expect(byDay.series[0]).toMatchObject({ start: day });
    const byHour = await counts(`interval=hour&by=referrer&from=${new Date(+from - 7_200_000).toISOString()}`);
    expect(byHour.series.length).toBeGreaterThanOrEqual(3);
    expect(byHour.series.reduce((sum: number, { scans }: { scans: number }) => sum + scans, 0)).toBe(3);
    expect(byHour.values).toEqual([
      { value: "direct", scans: 2 },
      { value: "shop.example", scans: 1 },
    ]);
    expect((await counts("by=country")).values).toEqual([{ value: "unknown", scans: 3 }]);
    const month = await counts("");
    expect(month.series.length).toBeGreaterThanOrEqual(30);
    expect(month.values).toBeUndefined();
    expect((await call(`${edge}/v1/qr-codes/${code.id}`, { key })).body.data.scan_count).toBe(3);
  });

  it("are refused with what to change for bad parameters, and belong to the account alone", async () => {
    const { key, code } = await newCode();
    for (const [query, field] of [
      ["from=yesterday", "from"],
      ["to=2026-13-01", "to"],
      ["from=2026-02-30", "from"],
      ["to=9999-12-31T23:59:59Z", "to"],
      ["from=0000-01-01&to=0000-01-02", "from"],
      ["interval=week", "interval"],
      ["by=browser", "by"],
      ["from=2026-02-01&to=2026-01-01", "to"],
      ["from=2020-01-01&to=2026-01-01", "to"],
      ["interval=hour&from=2026-01-01&to=2026-03-01", "to"],
    ]) {
      const answer = await call(`${edge}/v1/qr-codes/${code.id}/scans?${query}`, { key });
      expect([query, answer.status, answer.body.code, answer.body.details?.[0].field]).toEqual([
        query,
        400,
        "invalid_request",
        field,
      ]);
    }
    const { key: stranger } = await auth.newAccount();
    for (const [name, as] of [
      [code.id, stranger],
      ["0".repeat(20), key],
      ["x", key],
    ]) {
      expect((await call(`${edge}/v1/qr-codes/${name}/scans`, { key: as })).status).toBe(404);
    }
  });
});

/** The Location header as its bytes stand on the wire. */
function locationOf(url: string): Promise<{ location: string; headers: string[] }> {
  return new Promise((resolve, reject) => {
    request(url, (response) => {
      response.resume();
      const names = response.rawHeaders.filter((_, index) => index % 2 === 0).map((name) => name.toLowerCase());
      resolve({ location: Buffer.from(response.headers.location ?? "", "latin1").toString("utf8"), headers: names });
    })
      .once("error", reject)
      .end();
  });
}

describe("a redirect URL", () => {
  it("that is accepted comes back in Location, byte for byte if it is ASCII, and brings no header of its own", async () => {
    const { key, code } = await newCode();
    const random = seeded(11);
    const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)] as T;
    const pieces = [
      "a",
      "Z",
      "9",
      "%20",
      "%0d%0a",
      "%00",
      "\r\n",
      "\n",
      "\0",
      " ",
      "ü",
      "漢",
      "😀",
      "\u2028",
      "\\",
      "'",
    ]
      .concat(["&", "=", "?", "#", "/", "..", "@", ":", ";", "[", "]", "{", "|", "^", "`", "~", "<", '"', "\u0085"])
      .concat(["set-cookie: a=b", "%", "\ud800", "\u202e"]);
    const expected = (await locationOf(`${edge}/${code.slug}`)).headers;
    let accepted = 0;
    for (let round = 0; round < 150; round++) {
      const length = 1 + Math.floor(random() * 6);
      const tail = Array.from({ length }, () => pick(pieces)).join("");
      const url = `${pick(["https://", "http://", "HTTPS://"])}${pick(["example.com", "bücher.example", "[::1]", "192.0.2.1:81"])}/${tail}`;
      const answer = await call(`${edge}/v1/qr-codes/${code.id}`, {
        key,
        method: "PATCH",
        body: { redirect_url: url },
      });
      if (answer.status !== 200) {
        expect([answer.status, answer.body.details?.[0].field ?? answer.body.code], JSON.stringify(url)).toEqual([
          400,
          "redirect_url",
        ]);
        continue;
      }
      accepted++;
      expect(answer.body.data.redirect_url).toBe(url);
      const { location, headers } = await locationOf(`${edges[round % edges.length]}/${code.slug}`);
      expect(location).toMatch(/^[\x21-\x7e]+$/);
      if (/^\p{ASCII}+$/u.test(url)) expect(location).toBe(url);
      else expect(new URL(location).href).toBe(new URL(url).href);
      expect(headers).toEqual(expected);
    }
    expect(accepted).toBeGreaterThan(30);
  });
});

describe("single scans of a code", () => {
  const bounded = createScanStore(sql, { rowsPerHourMax: 10 });
  const hour = new Date("2030-05-06T07:00:00Z");

  /** A batch of scans in one hour, each by a visitor of its own. */
  const batchOf = (codeId: string, count: number) =>
    Array.from({ length: count }, (_, index) => ({
      ...{ scanId: randomUUID(), codeId, scannedAt: new Date(hour.getTime() + index) },
      ...{ device: "mobile", country: "DE", referrer: "direct", visitor: Buffer.from(randomUUID().slice(0, 8)) },
    }));
  async function kept(codeId: string) {
    const [row] = await sql<[{ rows: number; scans: number; days: number; devices: number }]>`
      select (select count(*) from qr.scans where code_id = ${codeId}) as rows,
        (select sum(scans)::bigint from qr.scan_hours where code_id = ${codeId}) as scans,
        (select sum(scans)::bigint from qr.scan_days where code_id = ${codeId}) as days,
        (select sum(scans)::bigint from qr.scan_dimensions
          where code_id = ${codeId} and dimension = 'device') as devices`;
    return row;
  }
  const all = (scans: number) => ({ scans, days: scans, devices: scans });

  it("are stored up to a bound by hour, and counted beyond it, once however often they come", async () => {
    const { code } = await newCode();
    const batches = [7, 7, 1, 20].map((count) => batchOf(code.id, count));
    for (const batch of batches) expect(await bounded.record(batch)).toBe(batch.length);
    expect(await kept(code.id)).toEqual({ rows: 10, ...all(35) });
    for (const batch of batches) expect(await bounded.record(batch)).toBe(0);
    expect(await kept(code.id)).toEqual({ rows: 10, ...all(35) });
    const next = batchOf(code.id, 3).map((one) => ({ ...one, scannedAt: new Date("2030-05-06T08:00:00Z") }));
    expect(await bounded.record(next)).toBe(3);
    expect(await kept(code.id)).toEqual({ rows: 13, ...all(38) });
  });

  it("are counted once when many replicas get the same batch at the same time", async () => {
    const { code } = await newCode();
    const batches = Array.from({ length: 6 }, () => batchOf(code.id, 9));
    const sent = [...batches, ...batches, ...batches, ...batches];
    const recorded = await Promise.all(sent.map((batch) => bounded.record(batch)));
    expect(recorded.reduce((sum, count) => sum + count, 0)).toBe(54);
    const { rows, ...counts } = await kept(code.id);
    expect(counts).toEqual(all(54));
    expect(rows).toBeLessThan(54);
  });

  it("that were stored before batches were known are not counted again", async () => {
    const { code } = await newCode();
    const batch = batchOf(code.id, 20);
    await createScanStore(sql).record(batch);
    const again = [...batchOf(code.id, 1), ...batch, batch[0] as (typeof batch)[number]];
    expect(await bounded.record(again)).toBe(1);
    expect(await kept(code.id)).toEqual({ rows: 20, ...all(21) });
  });
});
