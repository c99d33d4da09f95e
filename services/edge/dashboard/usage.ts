import { toUsageResponse } from "../api/responses/usage.ts";
import type { RouteCall, SessionCall } from "./route.ts";

const dayMs = 86_400_000;
const usageDays = 30;
/** Maximum number of pages of usage by key that are read. */
const pagesMax = 100;

/** Returns both windows of the user's account, over the API and over the dashboard, and the usage of the account and of each key in the last 30 days. */
export async function readUsage({ user, upstreams, wait, nowMs }: SessionCall) {
  const { accountId, limits } = user;
  const dateOf = (ms: number) => new Date(ms).toISOString().slice(0, 10);
  const range = { accountId, fromDate: dateOf(nowMs - (usageDays - 1) * dayMs), toDate: dateOf(nowMs) };
  const [windows, ofDashboard, { days }, byKey] = await Promise.all([
    upstreams.peek({ accountId, face: "api", limits }, wait),
    upstreams.peek({ accountId, face: "dashboard", limits }, wait),
    upstreams.quota.listDailyUsage(range, wait),
    listKeyUsage(range, { upstreams, wait }),
  ]);
  const used = new Map(days.map((day) => [day.date, Number(day.used)]));
  const dates = Array.from({ length: usageDays }, (_, index) => dateOf(nowMs - (usageDays - 1 - index) * dayMs));
  return {
    ...toUsageResponse(windows),
    dashboard: toUsageResponse(ofDashboard),
    days: dates.map((date) => ({ date, used: used.get(date) ?? 0 })),
    by_key: byKey,
  };
}

/** Returns the usage of each key over a range of days. */
async function listKeyUsage(
  range: { accountId: string; fromDate: string; toDate: string },
  call: Pick<RouteCall, "upstreams" | "wait">,
) {
  const byKey = new Map<string, { key_id: string | null; admitted: number; refused: number }>();
  let pageToken = "";
  for (let page = 0; page < pagesMax; page++) {
    const { usages, nextPageToken } = await call.upstreams.quota.listKeyUsage({ ...range, pageToken }, call.wait);
    for (const { keyId, admitted, refused } of usages) {
      const sum = byKey.get(keyId) ?? { key_id: keyId || null, admitted: 0, refused: 0 };
      sum.admitted += Number(admitted);
      sum.refused += Number(refused);
      byKey.set(keyId, sum);
    }
    pageToken = nextPageToken;
    if (pageToken === "") break;
  }
  return [...byKey.values()];
}
