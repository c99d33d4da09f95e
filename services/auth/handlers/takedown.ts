import { TakedownService } from "../../../gen/qrforge/auth/v1/takedown_pb.ts";
import type { FoundQrCode, TakedownService as QrTakedownService } from "../../../gen/qrforge/qr/v1/takedown_pb.ts";
import { rejectField, ServiceError } from "../../../platform/errors.ts";
import type { RpcClient } from "../../../platform/rpc/client.ts";
import { type CallContext, type Implementation, implement } from "../../../platform/rpc/server.ts";
import type { Actor } from "../domain/audit.ts";
import type { HandOver } from "../jobs/takedowns.ts";
import type { NamedCode, TakedownRow, TakedownStore } from "../store/takedowns.ts";
import { requestActor } from "./actor.ts";

const reasonLengthMax = 500;
const namesMax = 100;
/** Longest wait for qr, in ms. */
const qrTimeoutMs = 5_000;

export interface TakedownDependencies {
  takedowns: Pick<TakedownStore, "decideCodes">;
  qr: Pick<RpcClient<typeof QrTakedownService>, "findQrCodes">;
  handOver: HandOver;
}

/** Creates the handlers of TakedownService. */
export function createTakedownService({ takedowns, qr, handOver }: TakedownDependencies): Implementation {
  async function decide(
    request: { idsOrSlugs: string[]; actor?: Actor | undefined },
    context: CallContext,
    takenDown: boolean,
    reason: string,
  ) {
    const { idsOrSlugs } = request;
    if (idsOrSlugs.length === 0 || idsOrSlugs.length > namesMax) {
      throw new ServiceError("INVALID_REQUEST", `ids_or_slugs must hold 1 to ${namesMax} names`);
    }
    const actor = requestActor(request, context);
    const { found } = await qr.findQrCodes({ idsOrSlugs }, { timeoutMs: qrTimeout(context) }).catch((error) => {
      throw away("Nothing is changed: qr, which has the codes, does not answer. Try again.", error);
    });
    const codes = new Map(found.flatMap((one) => toNamedCode(one)).map((code) => [code.codeId, code]));
    const unknown = idsOrSlugs.filter((_, index) => !found[index]?.qrCode);
    const rows = codes.size > 0 ? await takedowns.decideCodes(actor, [...codes.values()], takenDown, reason) : [];
    const what = takenDown ? "taken down" : "put back";
    const propagation = await handOverInTime(handOver, rows, context, `It is decided that these codes are ${what}`);
    return { unknown, propagation };
  }

  return implement(TakedownService, {
    async takeDownQrCodes(request, context) {
      const { reason } = request;
      if (reason.length > reasonLengthMax || /\p{Cc}/u.test(reason) || !reason.isWellFormed()) {
        rejectField("reason", `must have at most ${reasonLengthMax} characters, no control characters`);
      }
      return await decide(request, context, true, reason);
    },
    putBackQrCodes: (request, context) => decide(request, context, false, ""),
  });
}

/**
 * Hands states over to qr within a third of the time that the caller has left, so that its retries fit in it. Throws
 * UNAVAILABLE, with what is done already, if qr does not confirm them; the job hands them over then.
 */
export async function handOverInTime(handOver: HandOver, rows: TakedownRow[], context: CallContext, done: string) {
  return await handOver(rows, { timeoutMs: qrTimeout(context) }).catch((error) => {
    throw away(
      `${done}, but qr, which has the codes, has not confirmed it: scans may go on as before for now. ` +
        "It is handed over until qr has it; repeat the command to wait for that.",
      error,
    );
  });
}

function qrTimeout({ remainingMs }: CallContext): number {
  return Math.max(1, Math.min(qrTimeoutMs, remainingMs() / 3));
}

function away(message: string, cause: unknown): ServiceError {
  return new ServiceError("UNAVAILABLE", message, { cause, retryAfterS: 1 });
}

function toNamedCode({ qrCode, takedownTime }: FoundQrCode): NamedCode[] {
  if (!qrCode) return [];
  const { qrCodeId: codeId, accountId, slug } = qrCode;
  return [{ codeId, accountId, slug, isTakenDown: takedownTime !== undefined }];
}
