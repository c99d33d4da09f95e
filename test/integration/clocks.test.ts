import { timestampFromMs, timestampMs } from "@bufbuild/protobuf/wkt";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import type { Sql } from "../../platform/postgres/pool.ts";
import { systemClock } from "../../platform/process/clock.ts";
import { createCloser } from "../../platform/process/closer.ts";
import { createLogger } from "../../platform/telemetry/log.ts";
import { windowMs } from "../../services/auth/domain/sign-in-limits.ts";
import { newSession } from "../../services/auth/domain/tokens.ts";
import { insertSession } from "../../services/auth/store/sessions.ts";
import { createSignInAttemptStore } from "../../services/auth/store/sign-in-attempts.ts";
import { startRetention } from "../../services/qr/jobs/retention.ts";
import { createLogoStore } from "../../services/qr/store/logos.ts";
import { createScanStore } from "../../services/qr/store/scans.ts";
import { openAuth, wait } from "../support/api.ts";
import { createOwnDatabase, type OwnDatabase } from "../support/own-database.ts";

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
const { databaseUrl, auths } = inject("cluster");
const log = createLogger({ service: "test", level: "fatal" });

let own: OwnDatabase;
let sql: Sql;
beforeAll(async () => {
  own = await createOwnDatabase(databaseUrl, ["auth", "qr"]);
  ({ sql } = own);
  await sql`insert into auth.accounts (account_id, email, plan, per_minute, per_day) values ('a', 'a@example.com', 'free', 1, 1)`;
});
afterAll(() => own?.drop());

it("a logo that no code has is deleted a day after it was last named, and no other", async () => {
  const logos = createLogoStore(sql);
  const logo = { png: Buffer.from("png"), width: 1, height: 1 };
  for (const logoId of ["unused", "used", "fresh"]) expect(await logos.put("l", logoId, logo)).toBe(true);
  await sql`insert into qr.projects (project_id, account_id, name, is_default, created_via) values ('lp', 'l', 'n', true, 'api')`;
  await sql`
    insert into qr.codes (code_id, account_id, project_id, name, slug, redirect_url, foreground, background, logo_id)
    values ('lc', 'l', 'lp', 'n', 'logo-code', 'https://example.com/', '#000000', '#ffffff', 'used')`;
  await sql`update qr.logos set named_at = now() - interval '25 hours' where account_id = 'l' and logo_id <> 'fresh'`;
  expect(await logos.deleteUnused()).toBe(false);
  const { rows } = await logos.list("l", 10, undefined);
  expect(rows.map(({ logoId }) => logoId).sort()).toEqual(["fresh", "used"]);
});

it("an account stores a thousand logos and no more, but those that it has again and again", async () => {
  const logos = createLogoStore(sql);
  const logo = { png: Buffer.from("png"), width: 1, height: 1 };
  await sql`
    insert into qr.logos (account_id, logo_id, png, width, height)
    select 'full', 'logo' || n, 'png', 1, 1 from generate_series(1, 1000) n`;
  expect(await logos.put("full", "another", logo)).toBe(false);
  expect(await logos.put("full", "logo7", logo)).toBe(true);
});

describe("a service whose clock is wrong", () => {
  it("deletes no scans before their time, even if it is a year ahead", async () => {
    const scans = createScanStore(sql);
    const month = new Date(new Date().setUTCDate(1)).toISOString().slice(0, 7);
    const closer = createCloser(log);
    let deleted = 0;
    await sql`create table qr.scans_2020_01 partition of qr.scans for values from ('2020-01-01Z') to ('2020-02-01Z')`;
    await scans.ensureMonth(new Date(`${month}-01`), new Date(new Date(`${month}-01`).getTime() + 28 * dayMs));
    await startRetention({
      codeCounts: { correct: async () => ({ corrected: 0, next: undefined }) },
      idempotency: { deleteExpired: async () => false },
      logos: { deleteUnused: async () => false },
      salts: { deletePast: async () => {} },
      scans: {
        ...scans,
        async deleteExpired(...args) {
          await scans.deleteExpired(...args);
          deleted++;
        },
      },
      retention: { scanDays: 35, hourlyRetentionDays: 35, dailyRetentionDays: 400 },
      clock: { ...systemClock, now: () => Date.now() + 365 * dayMs },
      closer,
      log,
    });
    await expect.poll(() => deleted).toBe(1);
    await closer.close();
    const table = `qr.scans_${month.replace("-", "_")}`;
    const isThere = (name: string) => sql`select to_regclass(${name}) is not null as there`;
    expect(await isThere(table)).toEqual([{ there: true }]);
    expect(await isThere("qr.scans_2020_01")).toEqual([{ there: false }]);
  });

  it("keeps the failed sign-ins that a replica counts whose clock is behind", async () => {
    const attempts = createSignInAttemptStore(sql);
    const subjects = [Buffer.from("subject")];
    const behindMs = Date.now() - 12 * hourMs;
    expect(await attempts.count(subjects, 1, behindMs)).toEqual([1]);
    await attempts.deleteExpired();
    expect(await attempts.count(subjects, 1, behindMs)).toEqual([2]);
    await sql`update auth.sign_in_failures set time_window = time_window - ${Math.ceil(dayMs / windowMs)}`;
    await attempts.deleteExpired();
    expect(await sql`select 1 from auth.sign_in_failures`).toHaveLength(0);
  });

  it("opens sessions that last as long as they should by the database's clock", async () => {
    const { session } = newSession("token", hourMs);
    await sql.begin((tx) => insertSession(tx, "a", session));
    const [{ lasts }] = await sql<[{ lasts: number }]>`
      select extract(epoch from expires_at - now())::float8 * 1000 as lasts from auth.sessions`;
    expect(lasts).toBeGreaterThan(hourMs - 60_000);
    expect(lasts).toBeLessThanOrEqual(hourMs);
  });

  it("reports uses of keys that are days ahead, which count as now", async () => {
    const auth = openAuth(auths);
    const { keyId, accountId } = await auth.newAccount();
    const useTime = timestampFromMs(Date.now() + 3 * dayMs);
    await auth.keys.batchRecordKeyUse({ uses: [{ keyId, useTime }] }, wait);
    const { keys } = await auth.keys.listKeys({ accountId }, wait);
    auth.close();
    const lastUseTime = keys.find((key) => key.keyId === keyId)?.lastUseTime;
    const lastUsedMs = lastUseTime ? timestampMs(lastUseTime) : Number.NaN;
    expect(lastUsedMs).toBeLessThanOrEqual(Date.now());
    expect(lastUsedMs).toBeGreaterThan(Date.now() - 5 * 60_000);
  });
});
