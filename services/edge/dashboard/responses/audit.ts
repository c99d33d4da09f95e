import type { AuditEntry } from "../../../../gen/qrforge/auth/v1/audit_pb.ts";
import { toTime } from "../../api/responses/fields.ts";

/** Schema of an audit log entry. */
export interface AuditResponse {
  sequence: number;
  time: string;
  actor: string;
  address: string;
  action: string;
  key_id: string | null;
  details: AuditEntry["details"];
}

export function toAuditResponse(entry: AuditEntry): AuditResponse {
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
