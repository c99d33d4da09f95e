import { afterAll, beforeAll, beforeEach, describe, expect, inject, it } from "vitest";
import { createLeaseGranter, type LeaseGranter, type LeaseStore } from "../../platform/lease/granter.ts";
import { appendToLog, createSqlLeaseStore } from "../../platform/lease/log-store.ts";
import type { Grant } from "../../platform/lease/protocol.ts";
import type { Sql } from "../../platform/postgres/pool.ts";
import { systemClock } from "../../platform/process/clock.ts";
import { createLogger } from "../../platform/telemetry/log.ts";
import { eventually } from "../support/api.ts";
import { createOwnDatabase, type OwnDatabase } from "../support/own-database.ts";

const { databaseUrl } = inject("cluster");
const log = createLogger({ service: "test", level: "fatal" });
const times = { leaseMs: 300, marginMs: 20, pollMs: 20 };
const holder = "edge-1";

let own: OwnDatabase;
let sql: Sql;
let store: LeaseStore;
let granter: LeaseGranter;
let renewals = 0;
const append = (...keys: string[]) => sql.begin((tx) => appendToLog(tx, "auth", keys));
/** Renews as an edge does that has applied a grant, or none. */
const renew = (grant?: Grant) =>
  granter.renew({
    holder,
    renewal: ++renewals,
    applied: grant?.position,
    logId: grant?.logId ?? "",
    changeId: grant?.changeId ?? "",
  });

beforeAll(async () => {
  own = await createOwnDatabase(databaseUrl, ["auth"]);
  ({ sql } = own);
  store = createSqlLeaseStore(sql, "auth");
});
beforeEach(async () => {
  await sql`delete from auth.lease_holders`;
  await sql`update auth.lease_head set settled = true`;
  granter = createLeaseGranter({ store, times, clock: systemClock, broadcast: () => {}, log });
  await renew();
  await sql`update auth.lease_head set settled = true`;
});
afterAll(() => own?.drop());

/** Sets the log back to a position, as it was in an older copy of the database. */
async function setBack(position: number): Promise<void> {
  await sql`delete from auth.lease_log where position > ${position}`;
  await sql`update auth.lease_head set position = ${position}`;
  await sql`update auth.lease_holders set applied = least(applied, ${position})`;
}

describe("after the log was set back and its positions were used again", () => {
  it("an edge that was at one of them evicts all keys, and its old position acknowledges no change", async () => {
    const start = await renew();
    await append("a", "b", "c");
    const lost = await renew(start);
    expect(lost).toMatchObject({ position: start.position + 3, keys: ["a", "b", "c"] });
    await renew(lost);

    await setBack(start.position);
    const entries = await append("d", "e");
    const propagated = granter.propagate(entries);
    await append("f", "g");
    for (const position of [entries.position, lost.position])
      granter.acknowledged(holder, { position, logId: lost.logId, changeId: lost.changeId });
    const grant = await renew(lost);
    expect(grant).toMatchObject({ position: start.position + 4, keys: undefined });
    expect(await propagated).toMatchObject({ acknowledged: 0, waitedOut: 1 });

    // It has started anew, and counts again.
    const later = granter.propagate(await append("h"));
    await renew(await renew(grant));
    expect(await later).toMatchObject({ acknowledged: 1, waitedOut: 0 });
  });

  it("a change that is waiting and was lost itself fails, so that it is made again", async () => {
    const start = await renew();
    const propagated = granter.propagate(await append("a"));
    await setBack(start.position);
    await append("b");
    await expect(propagated).rejects.toMatchObject({ reason: "UNAVAILABLE" });
  });
});

describe("after the database server has started again", () => {
  const restart = () => sql`update auth.lease_head set server_started_at = server_started_at - interval '1 day'`;

  it("the log has another id, so that edges evict what only the lost commits had", async () => {
    const start = await renew();
    expect((await renew(start)).keys).toEqual([]);
    await restart();
    const grant = await renew(start);
    expect(grant).toMatchObject({ position: start.position, keys: undefined });
    expect(grant.logId).not.toBe(start.logId);
    expect((await renew(grant)).keys).toEqual([]);
    await restart();
    expect((await append("a")).logId).not.toBe(grant.logId);
  });

  it("a change waits for edges whose registration was lost, until their leases have expired", async () => {
    await restart();
    const entries = await append("a");
    await sql`delete from auth.lease_holders`;
    const { elapsedMs } = await granter.propagate(entries);
    expect(elapsedMs).toBeGreaterThanOrEqual(times.leaseMs);
    const running = granter.run();
    await eventually(
      () => store.holders(),
      ({ unsettled }) => unsettled === undefined,
    );
    granter.close();
    await running;
    expect(await granter.propagate(await append("b"))).toMatchObject({ acknowledged: 0, waitedOut: 0 });
    expect((await store.holders()).unsettled).toBeUndefined();
  });
});

describe("trimming the log", () => {
  it("keeps the change at the head known, so that an edge that is there evicts nothing", async () => {
    await append("a", "b");
    const grant = await renew();
    await sql`update auth.lease_log set logged_at = now() - interval '2 hours'`;
    await store.deleteExpired();
    expect(await sql`select position from auth.lease_log`).toEqual([{ position: grant.position }]);
    expect((await renew(grant)).keys).toEqual([]);
    await append("c");
    expect((await renew(grant)).keys).toEqual(["c"]);
  });

  it("makes the head known again after an earlier version has deleted it", async () => {
    await append("a");
    await sql`delete from auth.lease_log`;
    await store.deleteExpired();
    const grant = await renew();
    expect(grant.changeId).not.toBe("");
    expect((await renew(grant)).keys).toEqual([]);
  });
});

it("an edge of an earlier version, which knows no changes, goes on as before", async () => {
  const start = await renew();
  await append("a");
  const grant = await renew({ ...start, changeId: "" });
  expect(grant.keys).toEqual(["a"]);
  const later = granter.propagate(await append("b"));
  await renew({ ...(await renew({ ...grant, changeId: "" })), changeId: "" });
  expect(await later).toMatchObject({ acknowledged: 1, waitedOut: 0 });
});
