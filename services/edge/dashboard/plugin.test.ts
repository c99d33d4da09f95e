import fastify from "fastify";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { Upstreams } from "../upstreams/clients.ts";
import { serveDashboard } from "./plugin.ts";

const slot = { [Symbol.dispose]: () => {} };
const nowMs = Date.parse("2030-05-06T07:08:09.000Z");
const windows = { minute: { limit: 0, used: 0, resetS: 1 }, day: { limit: 0, used: 0, resetS: 1 } };

beforeEach(() => void vi.useFakeTimers({ toFake: ["performance"] }));
afterEach(() => vi.useRealTimers());

/** Creates a dashboard with one user whose usage by key has several pages; each page takes one second. */
function openDashboard(pages: number) {
  const timeouts: number[] = [];
  const ranges: { fromDate: string; toDate: string }[] = [];
  const upstreams = {
    sessions: { resolveSession: async () => ({ accountId: "a", email: "", hasPassword: true, maySetPassword: false }) },
    accounts: { getAccount: async () => ({ account: undefined }) },
    peek: async () => ({ refusedBy: "none", ...windows, decidedAtMs: nowMs }),
    quota: {
      listDailyUsage: async () => ({ days: [] }),
      async listKeyUsage(range: (typeof ranges)[number], { timeoutMs }: { timeoutMs: number }) {
        timeouts.push(timeoutMs);
        ranges.push(range);
        vi.advanceTimersByTime(1_000);
        return { usages: [], nextPageToken: timeouts.length < pages ? "more" : "" };
      },
    },
  };
  const app = fastify();
  serveDashboard(app, {
    upstreams: upstreams as unknown as Upstreams,
    slots: { acquire: () => slot },
    fairQueue: { acquire: async () => slot },
    originOf: () => ({ address: "192.0.2.1", isProxied: false, isSecure: false }),
    bodySlots: { acquire: () => slot },
    isSecure: false,
    upstreamTimeoutMs: 5_000,
    shortUrlBase: "https://qr.example",
    abuseContact: undefined,
    clock: { now: () => nowMs, monotonic: () => 0, sleep: async () => {} },
  });
  const readUsage = () => app.inject({ url: "/dashboard/api/usage", headers: { cookie: "qrforge=token" } });
  return { readUsage, timeouts, ranges };
}

it("each call of a request to a service has what the calls before it have left of the request's time", async () => {
  const { readUsage, timeouts } = openDashboard(4);
  expect((await readUsage()).statusCode).toBe(200);
  expect(timeouts).toEqual([5_000, 4_000, 3_000, 2_000]);
});

it("usage is that of the days up to the clock's", async () => {
  const { readUsage, ranges } = openDashboard(1);
  const { data } = (await readUsage()).json() as { data: { days: { date: string }[] } };
  expect(data.days.at(-1)?.date).toBe("2030-05-06");
  expect(ranges).toEqual([expect.objectContaining({ fromDate: "2030-04-07", toDate: "2030-05-06" })]);
});
