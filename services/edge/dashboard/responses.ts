import { timestampDate } from "@bufbuild/protobuf/wkt";
import { type Account, Plan } from "../../../gen/qrforge/auth/v1/account_pb.ts";
import type { AuditEntry } from "../../../gen/qrforge/auth/v1/audit_pb.ts";
import { type Key, KeyStatus } from "../../../gen/qrforge/auth/v1/key_pb.ts";
import type { Propagation } from "../../../gen/qrforge/common/v1/lease_pb.ts";
import { present, toTime } from "../api/representations.ts";

const plans: Record<number, string> = { [Plan.FREE]: "free", [Plan.PRO]: "pro", [Plan.ENTERPRISE]: "enterprise" };
const statuses: Record<number, string> = {
  [KeyStatus.ACTIVE]: "active",
  [KeyStatus.ROTATED]: "rotated",
  [KeyStatus.REVOKED]: "revoked",
};

/** An account as its owner sees it; a limit of null is none. */
export function toAccountJson(message: Account | undefined) {
  const account = present(message, "an account");
  return {
    id: account.accountId,
    email: account.email,
    plan: plans[account.plan],
    per_minute: Number(account.limits?.perMinute ?? 0n) || null,
    per_day: Number(account.limits?.perDay ?? 0n) || null,
    created_at: toTime(account.createTime),
  };
}

/** A key without the key. */
export function toKeyJson(message: Key | undefined) {
  const key = present(message, "a key");
  return {
    id: key.keyId,
    name: key.name,
    prefix: key.prefix,
    last4: key.last4,
    status: statuses[key.status],
    created_at: toTime(key.createTime),
    ended_at: toTime(key.endTime),
    last_used_at: toTime(key.lastUseTime),
    age_days: key.ageDays,
    is_old: isPast(key.rotateSuggestTime),
    is_overdue: isPast(key.rotateAfterTime),
  };
}

function isPast(time: Key["createTime"]): boolean {
  return time !== undefined && timestampDate(time).getTime() <= Date.now();
}

/** How the end of a key reached the edges. */
export function toPropagationJson(propagation: Propagation | undefined) {
  const { acknowledgedCount, waitedOutCount, elapsedMs } = present(propagation, "how the change spread");
  return { acknowledged: acknowledgedCount, waited_out: waitedOutCount, elapsed_ms: elapsedMs };
}

/** One line of the audit log. */
export function toAuditJson(entry: AuditEntry) {
  return {
    sequence: Number(entry.sequence),
    time: toTime(entry.time),
    actor: entry.actor,
    address: entry.address,
    action: entry.action,
    key_id: entry.keyId || null,
    details: entry.details,
  };
}
