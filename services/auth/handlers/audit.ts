import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { AuditService } from "../../../gen/qrforge/auth/v1/audit_pb.ts";
import { pageSize } from "../../../platform/postgres/pagination.ts";
import { type Implementation, implement } from "../../../platform/rpc/server.ts";
import { checkChain, checkEnd } from "../domain/audit.ts";
import type { AuditStore } from "../store/audit.ts";

/** Entries that one call checks at most. */
const stretchMax = 10_000;

/** The handlers of the audit trail. */
export function createAuditService(store: AuditStore): Implementation {
  return implement(AuditService, {
    async listAuditEntries(request) {
      const size = pageSize(request.pageSize, { fallback: 100, max: 1_000 });
      const entries = await store.list(request.accountId, size, Number(request.before));
      return {
        entries: entries.map(({ sequence, atMs, ...entry }) => ({
          ...entry,
          sequence: BigInt(sequence),
          time: timestampFromMs(atMs),
        })),
      };
    },

    async verifyAuditTrail(request) {
      const until = Number(request.until) || Number.MAX_SAFE_INTEGER;
      const { head, entries } = await store.stretch(Number(request.checked), stretchMax, until);
      const from = { checked: Number(request.checked), hash: Buffer.from(request.hash) };
      const stretch = checkChain(from, entries);
      const isWhole = entries.length < stretchMax || stretch.checked === until;
      const { checked, hash, fault } = isWhole ? checkEnd(stretch, head, until) : stretch;
      const since = entries.find((entry) => entry.sequence <= checked && entry.hash.equals(request.since));
      return {
        checked: BigInt(checked),
        hash,
        done: isWhole || fault !== undefined,
        fault: BigInt(fault?.sequence ?? 0),
        problem: fault?.problem ?? "",
        total: BigInt(head.sequence),
        sinceSequence: BigInt(since?.sequence ?? 0),
      };
    },
  });
}
