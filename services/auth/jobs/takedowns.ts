import type { Propagation } from "../../../gen/qrforge/common/v1/lease_pb.ts";
import type { TakedownService } from "../../../gen/qrforge/qr/v1/takedown_pb.ts";
import { ServiceError, toServiceError } from "../../../platform/errors.ts";
import type { Clock } from "../../../platform/process/clock.ts";
import type { Closer } from "../../../platform/process/closer.ts";
import { repeat } from "../../../platform/process/loop.ts";
import type { RpcClient } from "../../../platform/rpc/client.ts";
import { createOutageLog, type Logger } from "../../../platform/telemetry/log.ts";
import type { Metrics } from "../../../platform/telemetry/metrics.ts";
import type { TakedownRow, TakedownStore } from "../store/takedowns.ts";

export interface HandOverOptions {
  takedowns: Pick<TakedownStore, "listUnconfirmed" | "confirm" | "overtake">;
  qr: Pick<RpcClient<typeof TakedownService>, "setTakedowns">;
}

/** Hands states over to qr. Resolves once every edge's next scan sees them; rejects after `timeoutMs`. */
export type HandOver = (rows: TakedownRow[], wait: { timeoutMs: number }) => Promise<Propagation | undefined>;

/** Calls to qr for one hand-over: another one follows if qr has revisions that the database here has lost. */
const roundsMax = 3;

/** Creates a function that hands states over to qr and records that qr has them. */
export function createHandOver({ takedowns, qr }: HandOverOptions): HandOver {
  return async (rows, wait) => {
    let pending = rows;
    let propagation: Propagation | undefined;
    for (let round = 0; pending.length > 0 && round < roundsMax; round++) {
      const answer = await qr.setTakedowns({ takedowns: pending.map(toMessage) }, wait);
      propagation = answer.propagation;
      await takedowns.confirm(pending);
      const newer = pending.flatMap((row, index) => {
        const inForce = answer.inForce[index];
        if (!inForce) return [];
        const revision = Number(inForce.revision);
        const isOther = revision > row.revision || inForce.takenDown !== row.takenDown;
        return isOther ? [{ ...row, takenDown: inForce.takenDown, revision }] : [];
      });
      // Either a newer state has been handed over meanwhile, or the database here was set back.
      pending = newer.length > 0 ? await takedowns.overtake(newer) : [];
    }
    if (pending.length > 0) throw new ServiceError("UNAVAILABLE", "Others are changing the same states. Try again.");
    return propagation;
  };
}

function toMessage({ accountId, codeId, takenDown, reason, revision }: TakedownRow) {
  const subject = codeId
    ? ({ case: "qrCodeId", value: codeId } as const)
    : ({ case: "accountId", value: accountId } as const);
  return { subject, takenDown, reason, revision: BigInt(revision) };
}

/** Pause between two looks for states that qr has not confirmed, in ms. */
const intervalMs = 1_000;
/** Time that the call which decided a state has for handing it over itself, in ms. */
const ownMs = 3_000;
const rowsMax = 100;
const timeoutMs = 10_000;

/** Hands over what calls could not hand over: qr was away, or this process ended before it did. */
export function startHandOvers(
  options: HandOverOptions & { handOver: HandOver; clock: Clock; closer: Closer; log: Logger; metrics: Metrics },
): void {
  const { takedowns, handOver, clock, log } = options;
  const noteOutage = createOutageLog(log, { use: "handing takedowns over to qr" });
  let pending = 0;
  options.metrics.gauge("takedowns_pending", "states of codes and accounts that qr has not taken over", () => pending);
  async function handOverPending(): Promise<void> {
    const rows = await takedowns.listUnconfirmed(ownMs, rowsMax);
    pending = rows.length;
    if (rows.length === 0) return;
    try {
      await handOver(rows, { timeoutMs });
      pending = 0;
      log.info({ takedowns: rows.length }, "qr has taken over what was taken down or put back");
    } catch (error) {
      const failure = toServiceError(error);
      noteOutage(failure);
      if (failure.reason !== "UNAVAILABLE" && failure.reason !== "DEADLINE_EXCEEDED") throw error;
    }
  }
  options.closer.loop("takedowns", (closing) =>
    repeat({ intervalMs, closing, clock, log, message: "takedowns could not be handed over to qr" }, handOverPending),
  );
}
