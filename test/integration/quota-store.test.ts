import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { newId } from "../../platform/ids.ts";
import type { Sql } from "../../platform/postgres/pool.ts";
import { type Charged, crcOf, refundsOf } from "../../services/quota/domain/batch.ts";
import { createStore } from "../../services/quota/store/windows.ts";
import { createOwnDatabase, type OwnDatabase } from "../support/own-database.ts";

const { databaseUrl } = inject("cluster");
/** A database of its own, so that the cluster's processes trim nothing here, and nothing of theirs is trimmed. */
let own: OwnDatabase;
let sql: Sql;
beforeAll(async () => {
  own = await createOwnDatabase(databaseUrl, ["quota"]);
  ({ sql } = own);
});
afterAll(() => own.drop());

const dayMs = 86_400_000;
const today = Date.parse("2028-03-01T00:00:00Z") / dayMs;
const at = (day: number, time = "12:00:00") =>
  Date.parse(`${new Date(day * dayMs).toISOString().slice(0, 10)}T${time}Z`);
const storeAt = (ms: number) => createStore(sql, sql`to_timestamp(${ms / 1_000}::float8)`);
const charge = (subject: string, requested: number, perDay = 0) => ({
  subject,
  cost: 1,
  requested,
  limits: { perMinute: 0, perDay },
});
const keepOf = (batchId: string) => ({
  statementId: randomUUID(),
  batches: [{ batchId, requestsCrc: 7, shares: [{ row: 0, before: 0 }] }],
  keepMs: 60_000,
});

describe("a batch in the database", () => {
  it("is charged once by any number of statements at once, and its answer can be found", async () => {
    const subject = newId();
    const batchId = randomUUID();
    const store = storeAt(at(today));
    const results = await Promise.all(
      Array.from({ length: 8 }, () => store.charge([charge(subject, 3, 2)], keepOf(batchId))),
    );
    expect(results.filter((charged) => charged !== undefined)).toHaveLength(1);
    expect((await store.read(subject)).dayUsed).toBe(2);
    const [found] = await store.findBatches([batchId, randomUUID()]);
    expect(found?.answer).toEqual(results.find((charged) => charged !== undefined));
    expect(found).toMatchObject({ requestsCrc: 7, shares: [{ row: 0, before: 0 }] });
  });

  it("charges nobody in its statement if it was charged before", async () => {
    const [one, other] = [newId(), newId()].sort() as [string, string];
    const batchId = randomUUID();
    const store = storeAt(at(today));
    await store.charge([charge(one, 1)], keepOf(batchId));
    expect(await store.charge([charge(one, 1), charge(other, 1)], keepOf(batchId))).toBeUndefined();
    expect((await store.read(other)).dayUsed).toBe(0);
  });

  it("is forgotten once its time is over, and not before", async () => {
    const batchId = randomUUID();
    await storeAt(at(today)).charge([charge(newId(), 1)], keepOf(batchId));
    const find = async () => (await storeAt(at(today)).findBatches([batchId])).length;
    await storeAt(at(today) + 59_000).deleteExpired(400);
    expect(await find()).toBe(1);
    await storeAt(at(today) + 61_000).deleteExpired(400);
    expect(await find()).toBe(0);
  });
});

describe("trimming", () => {
  it("by several replicas at once deletes all that is old and fails for none", async () => {
    const ids = Array.from({ length: 400 }, () => randomUUID());
    for (const id of ids) await storeAt(at(today)).charge([charge(newId(), 1)], keepOf(id));
    const later = storeAt(at(today) + 61_000);
    await Promise.all(Array.from({ length: 12 }, () => later.deleteExpired(400)));
    expect(await later.findBatches(ids)).toEqual([]);
  });
});

describe("day totals", () => {
  it("keep every day that had usage, the running one included", async () => {
    const subject = newId();
    await storeAt(at(today - 3)).charge([charge(subject, 5)]);
    await storeAt(at(today - 1)).charge([charge(subject, 7)]);
    await storeAt(at(today - 1, "13:00:00")).charge([charge(subject, 1)]);
    await storeAt(at(today)).charge([charge(subject, 2, 1)]);
    expect(await storeAt(at(today)).listDays(subject, today - 10, today)).toEqual([
      { day: today - 3, used: 5 },
      { day: today - 1, used: 8 },
      { day: today, used: 1 },
    ]);
  });

  it("are kept for as many days as asked", async () => {
    const subject = newId();
    await storeAt(at(today - 401)).charge([charge(subject, 5)]);
    await storeAt(at(today - 400)).charge([charge(subject, 6)]);
    await storeAt(at(today)).charge([charge(subject, 7)]);
    while (await storeAt(at(today)).deleteExpired(400));
    const days = await storeAt(at(today)).listDays(subject, today - 500, today);
    expect(days.map(({ used }) => used)).toEqual([6, 7]);
  });
});

describe("what was served without quota", () => {
  const counts = (subject: string, admitted: number, refused = 0) => [{ subject, keyId: "k1", admitted, refused }];

  it("is added once to the windows it was served in, beyond any limit", async () => {
    const subject = newId();
    const now = at(today, "12:00:40");
    const store = storeAt(now);
    await store.charge([charge(subject, 4, 5)]);
    const batchId = randomUUID();
    expect(await store.recordServed(batchId, now - 20_000, counts(subject, 3, 2), 60_000)).toBe(true);
    expect(await store.recordServed(batchId, now - 20_000, counts(subject, 3, 2), 60_000)).toBe(false);
    expect(await store.read(subject)).toMatchObject({ minuteUsed: 7, dayUsed: 7 });
    const [key] = await store.listKeyDays(subject, { from: today, to: today, after: undefined, rowsMax: 10 });
    expect(key).toEqual({ day: today, keyId: "k1", admitted: 3, refused: 2 });
  });

  it("in an earlier minute counts for the day alone, and yesterday for yesterday's total alone", async () => {
    const subject = newId();
    const store = storeAt(at(today));
    await storeAt(at(today - 1)).charge([charge(subject, 10)]);
    await store.charge([charge(subject, 1)]);
    await store.recordServed(randomUUID(), at(today, "11:58:00"), counts(subject, 3), 60_000);
    expect(await store.read(subject)).toMatchObject({ minuteUsed: 1, dayUsed: 4 });
    await store.recordServed(randomUUID(), at(today - 1, "23:59:00"), counts(subject, 5), 60_000);
    expect(await store.read(subject)).toMatchObject({ minuteUsed: 1, dayUsed: 4 });
    expect(await store.listDays(subject, today - 1, today)).toEqual([
      { day: today - 1, used: 15 },
      { day: today, used: 4 },
    ]);
  });

  it("begins a new day in the row, and keeps the old one's total", async () => {
    const subject = newId();
    await storeAt(at(today - 1)).charge([charge(subject, 10)]);
    await storeAt(at(today)).recordServed(randomUUID(), at(today), counts(subject, 2), 60_000);
    expect(await storeAt(at(today)).listDays(subject, today - 1, today)).toEqual([
      { day: today - 1, used: 10 },
      { day: today, used: 2 },
    ]);
  });

  it("and was charged after all, its answer lost, is left out; and what was left out is not charged later", async () => {
    const subject = newId();
    const store = storeAt(at(today));
    const [charged, served] = [randomUUID(), randomUUID()];
    await store.charge([charge(subject, 4)], keepOf(charged));
    expect(await store.recordServed(charged, at(today), counts(subject, 4), 60_000)).toBe(false);
    await store.recordServed(served, at(today), counts(subject, 3), 60_000);
    expect(await store.charge([charge(subject, 3)], keepOf(served))).toBeUndefined();
    expect((await store.read(subject)).dayUsed).toBe(7);
  });
});

describe("a refund", () => {
  const request = (accountId: string, keyId = "k1") => ({
    ...{ accountId, face: "api" as const, keyId, cost: 2 },
    limits: { perMinute: 0, perDay: 5 },
  });
  /** Charges three requests of cost 2 on a limit of 5, and returns what refunds places of that batch. */
  async function chargeThree(store: ReturnType<typeof storeAt>, subject: string, ids = [randomUUID()]) {
    const requests = [request(subject), request(subject, "k2"), request(subject)];
    const batchId = ids[0] as string;
    const charges = [{ subject, cost: 2, requested: 3, limits: request(subject).limits }];
    const batches = [{ batchId, requestsCrc: crcOf(requests), shares: [{ row: 0, before: 0 }] }];
    await store.charge(charges, { statementId: randomUUID(), batches, keepMs: 60_000 });
    return { batchId, charges, batches, requests };
  }
  const refund = async (
    store: ReturnType<typeof storeAt>,
    { batchId, requests }: { batchId: string; requests: Parameters<typeof refundsOf>[0] },
    places: number[],
  ) => {
    const given = await store.refund(batchId, places, (fresh, batch) => refundsOf(requests, fresh, batch), 60_000);
    return given.reduce((sum, { units }) => sum + units, 0);
  };

  it("gives the admitted units of the named places back, once, however often and from wherever it is asked", async () => {
    const subject = newId();
    const store = storeAt(at(today));
    const batch = await chargeThree(store, subject);
    expect(await refund(store, batch, [1])).toBe(2);
    expect(await store.read(subject)).toMatchObject({ minuteUsed: 2, dayUsed: 2 });
    // The third was refused: there is nothing to give back.
    const given = await Promise.all(Array.from({ length: 8 }, () => refund(store, batch, [0, 1, 2])));
    expect(given.sort()).toEqual([0, 0, 0, 0, 0, 0, 0, 2]);
    expect(await store.read(subject)).toMatchObject({ minuteUsed: 0, dayUsed: 0 });
    const again = await store.charge(batch.charges);
    expect(again?.rows[0]).toMatchObject({ admitted: 2, dayUsed: 4 });
  });

  it("takes the units from the keys that they came with, also before those are stored", async () => {
    const subject = newId();
    const store = storeAt(at(today));
    const batch = await chargeThree(store, subject);
    await refund(store, batch, [0]);
    const list = () => store.listKeyDays(subject, { from: today, to: today, after: undefined, rowsMax: 10 });
    expect(await list()).toEqual([]);
    const counts = ["k1", "k2"].map((keyId) => ({ subject, day: today, keyId, admitted: 2, refused: 0 }));
    await store.addKeyDays(randomUUID(), counts, 60_000);
    expect(await list()).toEqual([{ day: today, keyId: "k2", admitted: 2, refused: 0 }]);
  });

  it("reaches the windows that were charged: not a later minute's, and a day that is over in its total", async () => {
    const subject = newId();
    const late = at(today, "23:59:30");
    const batch = await chargeThree(storeAt(late - 60_000), subject);
    await storeAt(late).charge([charge(subject, 1)]);
    expect(await refund(storeAt(late), batch, [0])).toBe(2);
    expect(await storeAt(late).read(subject)).toMatchObject({ minuteUsed: 1, dayUsed: 3 });
    const tomorrow = storeAt(late + 60_000);
    await tomorrow.charge([charge(subject, 7)]);
    expect(await refund(tomorrow, batch, [0, 1])).toBe(2);
    expect(await tomorrow.read(subject)).toMatchObject({ minuteUsed: 7, dayUsed: 7 });
    expect(await tomorrow.listDays(subject, today, today + 1)).toEqual([
      { day: today, used: 1 },
      { day: today + 1, used: 7 },
    ]);
  });

  it("of a day that turns meanwhile is taken from that day's total", async () => {
    const midnight = at(today + 1, "00:00:00");
    for (let round = 0; round < 20; round++) {
      const subject = newId();
      const batch = await chargeThree(storeAt(midnight - 1_000), subject);
      const tomorrow = storeAt(midnight);
      await Promise.all([tomorrow.charge([charge(subject, 1)]), refund(tomorrow, batch, [0, 1])]);
      expect(await tomorrow.listDays(subject, today, today + 1)).toEqual([{ day: today + 1, used: 1 }]);
    }
  });

  it("of a batch that is not known keeps it from being charged, also while it is being charged", async () => {
    const store = storeAt(at(today));
    for (let round = 0; round < 40; round++) {
      const subject = newId();
      const batchId = randomUUID();
      const requests = [request(subject), request(subject, "k2"), request(subject)];
      const charging = chargeThree(store, subject, [batchId]);
      const given = await Promise.all([0, 1].map(() => refund(store, { batchId, requests }, [0, 1, 2])));
      await charging;
      expect((await store.read(subject)).dayUsed, `gave ${given}`).toBe(0);
    }
  });

  it("of a batch keeps a repeated one from being answered as admitted", async () => {
    const subject = newId();
    const store = storeAt(at(today));
    const { batchId, charges, batches, requests } = await chargeThree(store, subject);
    await refund(store, { batchId, requests }, [0]);
    expect(await store.charge(charges, { statementId: randomUUID(), batches, keepMs: 60_000 })).toBeUndefined();
    expect((await store.findBatches([batchId]))[0]?.answer).toBe("settled");
  });

  it("for other requests than were charged gives nothing back", async () => {
    const subject = newId();
    const store = storeAt(at(today));
    const { batchId, requests } = await chargeThree(store, subject);
    await expect(refund(store, { batchId, requests: requests.slice(1) }, [0])).rejects.toMatchObject({
      reason: "CONFLICT",
    });
    expect((await store.read(subject)).dayUsed).toBe(4);
  });

  it("leaves alone what was recorded, and what is recorded under a refunded batch's id is left out", async () => {
    const subject = newId();
    const store = storeAt(at(today));
    const counts = [{ subject, keyId: "k1", admitted: 3, refused: 0 }];
    const recorded = randomUUID();
    await store.recordServed(recorded, at(today), counts, 60_000);
    expect(await refund(store, { batchId: recorded, requests: [request(subject)] }, [0])).toBe(0);
    const batch = await chargeThree(store, subject);
    await refund(store, batch, [0, 1, 2]);
    expect(await store.recordServed(batch.batchId, at(today), counts, 60_000)).toBe(false);
    expect((await store.read(subject)).dayUsed).toBe(3);
  });
});

describe("a statement of a thousand accounts", () => {
  it("answers each by its own row", async () => {
    const store = storeAt(at(today));
    const ids = Array.from({ length: 1_000 }, newId).sort();
    const charges = ids.map((subject, index) => charge(subject, 1 + (index % 7), 3));
    const { rows } = (await store.charge(charges)) as Charged;
    expect(rows.map(({ admitted }) => admitted)).toEqual(charges.map(({ requested }) => Math.min(requested, 3)));
  });
});
