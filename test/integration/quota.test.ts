import { randomUUID } from "node:crypto";
import { afterAll, describe, expect, inject, it } from "vitest";
import { Plan } from "../../gen/qrforge/auth/v1/account_pb.ts";
import { QuotaService } from "../../gen/qrforge/quota/v1/quota_pb.ts";
import { createRpcClient } from "../../platform/rpc/client.ts";
import { type ApiAnswer, call, eventually, openAuth, wait } from "../support/api.ts";

const { edges, auths, quotas } = inject("cluster");
const auth = openAuth(auths);
const quota = createRpcClient(QuotaService, { address: quotas.join(",") });
afterAll(() => {
  auth.close();
  quota.close();
});

const today = () => new Date().toISOString().slice(0, 10);

/** `{"minute": {r, t}, "day": {r, t}}` of a RateLimit header. */
function readRateLimit(answer: ApiAnswer): Record<string, { r: number; t: number }> {
  const header = answer.headers.get("ratelimit") ?? "";
  return Object.fromEntries(
    [...header.matchAll(/"(\w+)";r=(\d+);t=(\d+)/g)].map(([, name, r, t]) => [name, { r: Number(r), t: Number(t) }]),
  );
}

/** Runs what must happen within one UTC minute, with a fresh account, again if the minute changed meanwhile. */
async function withinOneMinute(
  plan: Plan,
  limits: { perMinute: bigint; perDay: bigint } | undefined,
  count: number,
  send: (key: string, count: number) => Promise<ApiAnswer[]>,
): Promise<{ answers: ApiAnswer[]; accountId: string; key: string }> {
  for (let attempt = 0; attempt < 3; attempt++) {
    const { key, accountId } = await auth.newAccount(plan, limits);
    const answers = await send(key, count);
    const resets = answers.map((answer) => readRateLimit(answer).minute?.t ?? 0);
    if (Math.max(...resets) - Math.min(...resets) < 30) return { answers, accountId, key };
  }
  throw new Error("the minute changed three times");
}

const oneByOne = async (key: string, count: number) => {
  const answers: ApiAnswer[] = [];
  for (let i = 0; i < count; i++) answers.push(await call(`${edges[i % edges.length]}/v1/usage`, { key }));
  return answers;
};
const atOnce = (key: string, count: number) =>
  Promise.all(Array.from({ length: count }, (_, i) => call(`${edges[i % edges.length]}/v1/usage`, { key })));

describe("quota", () => {
  it("the 61st request of a free account in a minute is refused with rate_limit_minute and the right headers", async () => {
    const { answers } = await withinOneMinute(Plan.FREE, undefined, 61, oneByOne);
    for (const [index, answer] of answers.slice(0, 60).entries()) {
      expect(answer.status).toBe(200);
      expect(answer.headers.get("ratelimit-policy")).toBe('"minute";q=60;w=60, "day";q=1000;w=86400');
      expect(readRateLimit(answer)).toMatchObject({ minute: { r: 59 - index }, day: { r: 999 - index } });
      expect(answer.headers.get("retry-after")).toBeNull();
      expect(answer.body.data.minute).toMatchObject({ limit: 60, used: index + 1, remaining: 59 - index });
    }
    const refused = answers[60] as ApiAnswer;
    expect(refused.status).toBe(429);
    expect(refused.body).toMatchObject({
      ok: false,
      code: "rate_limit_minute",
      message: "Too many requests this minute.",
    });
    const { minute, day } = readRateLimit(refused);
    expect(minute?.r).toBe(0);
    expect(day?.r).toBe(940);
    expect(refused.headers.get("retry-after")).toBe(String(minute?.t));
    expect(minute?.t).toBeGreaterThan(0);
    expect(minute?.t).toBeLessThanOrEqual(60);
  });

  it("of 300 requests at once on a limit of 100, over two edges, exactly 100 are admitted", async () => {
    const limits = { perMinute: 100n, perDay: 0n };
    const { answers } = await withinOneMinute(Plan.ENTERPRISE, limits, 300, atOnce);
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(100);
    expect(answers.filter(({ status }) => status === 429)).toHaveLength(200);
  });

  it("the day's limit refuses with rate_limit_day, and neither window is charged by a refusal", async () => {
    const limits = { perMinute: 20n, perDay: 5n };
    const { answers, accountId } = await withinOneMinute(Plan.ENTERPRISE, limits, 10, oneByOne);
    expect(answers.map(({ status }) => status)).toEqual([...Array(5).fill(200), ...Array(5).fill(429)]);
    expect(answers[9]?.body.code).toBe("rate_limit_day");
    expect(answers[9]?.headers.get("retry-after")).toBe(String(readRateLimit(answers[9] as ApiAnswer).day?.t));
    const { decision } = await quota.client.peekQuota({ accountId, limits }, wait);
    expect(decision?.dayUsed).toBe(5n);
  });

  it("an unlimited account has no policy headers and is still counted", async () => {
    const { key } = await auth.newAccount(Plan.ENTERPRISE, { perMinute: 0n, perDay: 0n });
    const answer = await call(`${edges[0]}/v1/usage`, { key });
    expect(answer.headers.get("ratelimit-policy")).toBeNull();
    expect(answer.body.data.day).toMatchObject({ limit: null, remaining: null, used: 1 });
  });

  it("a batch that is repeated with its id is charged once and answered alike, by each replica", async () => {
    const { accountId } = await auth.newAccount(Plan.ENTERPRISE);
    const limits = { perMinute: 0n, perDay: 7n };
    const requests = Array.from({ length: 4 }, () => ({ accountId, keyId: "k", cost: 2, limits }));
    const batchId = randomUUID();
    const replicas = quotas.map((address) => createRpcClient(QuotaService, { address }));
    const answers = await Promise.all(
      Array.from({ length: 12 }, (_, index) =>
        (replicas[index % replicas.length] as typeof quota).client.batchConsumeQuota({ requests, batchId }, wait),
      ),
    );
    for (const replica of replicas) replica.close();
    for (const { decisions } of answers) expect(decisions).toEqual(answers[0]?.decisions);
    expect(answers[0]?.decisions.map(({ refusedBy }) => refusedBy)).toEqual([0, 0, 0, 2]);
    expect((await quota.client.peekQuota({ accountId, limits }, wait)).decision?.dayUsed).toBe(6n);
  });

  it("a batch that is refunded is charged by no replica, whether it comes before, meanwhile or later", async () => {
    const { accountId } = await auth.newAccount(Plan.ENTERPRISE);
    const limits = { perMinute: 0n, perDay: 100n };
    const requests = Array.from({ length: 3 }, () => ({ accountId, keyId: "k", cost: 1, limits }));
    const replicas = quotas.map((address) => createRpcClient(QuotaService, { address }));
    for (let round = 0; round < 20; round++) {
      const batch = { batchId: randomUUID(), requests };
      await Promise.all(
        replicas.flatMap(({ client }) => [
          client.batchConsumeQuota(batch, wait).catch(({ reason }) => expect(reason).toBe("DEADLINE_EXCEEDED")),
          client.batchRefundQuota({ ...batch, places: [0, 1, 2] }, wait),
        ]),
      );
    }
    for (const replica of replicas) replica.close();
    expect((await quota.client.peekQuota({ accountId, limits }, wait)).decision?.dayUsed).toBe(0n);
  });

  it("usage is listed by day and, a second later, by key", async () => {
    const { key, keyId, accountId } = await auth.newAccount(Plan.ENTERPRISE, { perMinute: 0n, perDay: 3n });
    const { key: second, secret } = await auth.keys.createKey({ accountId, name: "second" }, wait);
    for (const one of [key, key, secret, secret]) await call(`${edges[0]}/v1/usage`, { key: one });
    const range = { accountId, fromDate: today(), toDate: today() };
    const { days } = await quota.client.listDailyUsage(range, wait);
    expect(days.map(({ used }) => used)).toEqual([3n]);
    const { usages } = await eventually(
      () => quota.client.listKeyUsage(range, wait),
      ({ usages }) => usages.reduce((sum, { admitted, refused }) => sum + admitted + refused, 0n) === 4n,
    );
    const shown = Object.fromEntries(usages.map(({ keyId, admitted, refused }) => [keyId, [admitted, refused]]));
    expect(shown).toEqual({ [keyId]: [2n, 0n], [second?.keyId as string]: [1n, 1n] });
    const first = await quota.client.listKeyUsage({ ...range, pageSize: 1 }, wait);
    const rest = await quota.client.listKeyUsage({ ...range, pageSize: 1, pageToken: first.nextPageToken }, wait);
    expect([...first.usages, ...rest.usages]).toEqual(usages);
    expect(rest.nextPageToken).toBe("");
  });

  it("what cannot be asked is refused with what to change", async () => {
    const accountId = "A".repeat(20);
    const consume = (request: object, batchId = "") =>
      quota.client.batchConsumeQuota({ requests: [{ accountId, cost: 1, ...request }], batchId }, wait);
    await expect(consume({ cost: 0 })).rejects.toThrow("cost must be from 1 to 1000");
    await expect(consume({ accountId: "a,b" })).rejects.toThrow("account_id must be");
    await expect(consume({ keyId: "a,b" })).rejects.toThrow("key_id must be");
    await expect(consume({}, "1")).rejects.toThrow("batch_id must be a UUID");
    const requests = [1, 2].map((cost) => ({ accountId, cost }));
    await expect(quota.client.batchConsumeQuota({ requests, batchId: "" }, wait)).rejects.toThrow(
      "requests[1] must have the cost and limits of its account's other requests",
    );
    const refund = (places: number[]) =>
      quota.client.batchRefundQuota({ batchId: randomUUID(), requests: [{ accountId, cost: 1 }], places }, wait);
    for (const places of [[], [1]]) await expect(refund(places)).rejects.toThrow("places must hold places of requests");
    const list = (fromDate: string, toDate: string) =>
      quota.client.listDailyUsage({ accountId, fromDate, toDate }, wait);
    await expect(list("2026-02-30", "2026-03-01")).rejects.toThrow("from_date must be a day as YYYY-MM-DD");
    await expect(list("2026-03-02", "2026-03-01")).rejects.toThrow("to_date must be from_date or up to 400 days later");
    await expect(
      quota.client.batchRecordServed({ batchId: randomUUID(), counts: [{ accountId, admitted: 1n }] }, wait),
    ).rejects.toThrow("serve_time must be at most 2 days ago");
  });

  it("a request refused for its key or its quota charges nothing; a 404 and a 405 do", async () => {
    const { key, accountId } = await auth.newAccount(Plan.PRO);
    const limits = { perMinute: 600n, perDay: 50_000n };
    const used = async () => (await quota.client.peekQuota({ accountId, limits }, wait)).decision?.dayUsed;
    await call(`${edges[0]}/v1/usage`, { key: `${key.slice(0, -1)}~` });
    expect(await used()).toBe(0n);
    await call(`${edges[0]}/v1/nope`, { key });
    await call(`${edges[0]}/v1/qr-codes`, { key, method: "DELETE" });
    expect(await used()).toBe(2n);
  });
});
