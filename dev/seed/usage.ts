import { randomUUID } from "node:crypto";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { MadeAccount } from "./accounts.ts";
import type { Deployment } from "./deployment.ts";
import { stream } from "./random.ts";
import { dayMs } from "./scans.ts";
import { wait } from "./work.ts";

/** Number of days of usage, including today. */
export const usageDays = 90;
/** Units that accounts without a plan of their own may use in a day; what is beyond was refused. */
const unlimited = Number.POSITIVE_INFINITY;
const perDayOf: Record<number, number> = { 1: 1_000, 2: 50_000 };

export interface KeyDay {
  day: number;
  keyId: string;
  admitted: number;
  refused: number;
}

/** Plans the usage of an account's keys on each day, within its plan's limits; `day` counts from the Unix epoch. */
export function planUsage(account: MadeAccount, { seed, nowMs }: { seed: number; nowMs: number }): KeyDay[] {
  const random = stream(seed, `usage of ${account.number}`);
  const today = Math.floor(nowMs / dayMs);
  const limit = perDayOf[account.plan] ?? (Number(account.limits?.perDay ?? 0) || unlimited);
  return Array.from({ length: usageDays }, (_, index) => today - usageDays + 1 + index).flatMap((day) => {
    const isWeekend = [0, 6].includes(new Date(day * dayMs).getUTCDay());
    let left = limit;
    return account.madeKeys.flatMap(({ keyId, createdMs, endedMs, lastUsedMs = 0, perDay }) => {
      const share = (isWeekend ? 0.3 : 1) * (0.5 + random()) * (random() < 0.02 ? 6 : 1);
      const isAlive = createdMs < day * dayMs && Math.min(lastUsedMs, endedMs ?? unlimited) >= day * dayMs;
      const asked = isAlive ? Math.round(perDay * share) : 0;
      const admitted = Math.min(asked, left);
      left -= admitted;
      return asked > 0 ? [{ day, keyId, admitted, refused: asked - admitted }] : [];
    });
  });
}

const rowsPerStatement = 5_000;
const countsPerCall = 1_000;

/** Writes an account's usage: past days into quota's tables, today's through the service. */
export async function writeUsage(
  { sql, quota }: Deployment,
  account: MadeAccount,
  options: { seed: number; nowMs: number },
): Promise<void> {
  const { accountId } = account;
  const all = planUsage(account, options);
  const today = Math.floor(options.nowMs / dayMs);
  const past = all.filter(({ day }) => day < today);
  for (let from = 0; from < past.length; from += rowsPerStatement) {
    const rows = past.slice(from, from + rowsPerStatement);
    await sql`
      insert into quota.key_days (account_id, day, key_id, admitted, refused)
      select ${accountId}, * from unnest(
        ${rows.map(({ day }) => day)}::bigint[], ${rows.map(({ keyId }) => keyId)}::text[],
        ${rows.map(({ admitted }) => admitted)}::bigint[], ${rows.map(({ refused }) => refused)}::bigint[])`;
  }
  await sql`
    insert into quota.days (account_id, day, used)
    select account_id, day, sum(admitted) from quota.key_days
    where account_id = ${accountId} and day < ${today} group by 1, 2`;
  const current = all.filter(({ day }) => day === today);
  // Uses a time one hour ago, so that the current minute's limit stays available.
  const serveTime = timestampFromMs(Math.max(today * dayMs, options.nowMs - 3_600_000));
  for (let from = 0; from < current.length; from += countsPerCall) {
    const counts = current.slice(from, from + countsPerCall).map(({ keyId, admitted, refused }) => ({
      accountId,
      keyId,
      admitted: BigInt(admitted),
      refused: BigInt(refused),
    }));
    await quota.batchRecordServed({ batchId: randomUUID(), serveTime, counts }, wait);
  }
}
