import { timestampDate } from "@bufbuild/protobuf/wkt";
import { type Key, KeyStatus } from "../../../../gen/qrforge/auth/v1/key_pb.ts";
import type { Propagation } from "../../../../gen/qrforge/common/v1/lease_pb.ts";
import { toTime, toTimeOrNull, wordOf } from "../../api/responses/fields.ts";

const statuses = ["active", "rotated", "revoked"] as const;
const statusNumbers = { active: KeyStatus.ACTIVE, rotated: KeyStatus.ROTATED, revoked: KeyStatus.REVOKED };

/** Schema of a key without its secret. */
export interface KeyResponse {
  id: string;
  name: string;
  prefix: string;
  last4: string;
  status: (typeof statuses)[number];
  created_at: string;
  ended_at: string | null;
  last_used_at: string | null;
  age_days: number;
  is_old: boolean;
  is_overdue: boolean;
}

export function toKeyResponse(key: Key, nowMs: number): KeyResponse {
  const isPast = (time: Key["createTime"]) => time !== undefined && timestampDate(time).getTime() <= nowMs;
  return {
    id: key.keyId,
    name: key.name,
    prefix: key.prefix,
    last4: key.last4,
    status: wordOf(statuses, statusNumbers, key.status),
    created_at: toTime(key.createTime),
    ended_at: toTimeOrNull(key.endTime),
    last_used_at: toTimeOrNull(key.lastUseTime),
    age_days: key.ageDays,
    is_old: isPast(key.rotateSuggestTime),
    is_overdue: isPast(key.rotateAfterTime),
  };
}

/** How the revocation of a key was propagated to the edges: by acknowledgement, or by expiry of their leases. */
export interface PropagationResponse {
  acknowledged: number;
  waited_out: number;
  elapsed_ms: number;
}

export function toPropagationResponse(propagation: Propagation): PropagationResponse {
  const { acknowledgedCount, waitedOutCount, elapsedMs } = propagation;
  return { acknowledged: acknowledgedCount, waited_out: waitedOutCount, elapsed_ms: elapsedMs };
}
