import type { Takedown as TakedownMessage } from "../../../gen/qrforge/qr/v1/takedown_pb.ts";
import { ServiceError } from "../../../platform/errors.ts";
import { requireAccount, validId } from "./requests.ts";

/** Whether one code, or all codes of one account, are taken down. */
export interface Takedown {
  kind: "account" | "code";
  /** Id of the account or of the code. */
  subject: string;
  takenDown: boolean;
  /** Of codes only. */
  reason: string;
  revision: number;
}

const reasonLengthMax = 500;

/** Returns the states of a request. Throws INVALID_REQUEST if one is malformed or two have the same subject. */
export function readTakedowns(messages: TakedownMessage[]): Takedown[] {
  const takedowns = messages.map(({ subject: { case: name, value }, takenDown, reason, revision }): Takedown => {
    if (name === undefined) throw new ServiceError("INVALID_REQUEST", "a takedown must name an account or a code");
    if (name === "accountId") requireAccount(value);
    else validId(value, "INVALID_REQUEST");
    if (revision < 1n || revision > BigInt(Number.MAX_SAFE_INTEGER)) {
      throw new ServiceError("INVALID_REQUEST", "revision must be 1 or more");
    }
    if (reason.length > reasonLengthMax || /\p{Cc}/u.test(reason) || !reason.isWellFormed()) {
      throw new ServiceError(
        "INVALID_REQUEST",
        `reason must have at most ${reasonLengthMax} characters, no control characters`,
      );
    }
    const kind = name === "accountId" ? "account" : "code";
    return { kind, subject: value, takenDown, reason, revision: Number(revision) };
  });
  if (new Set(takedowns.map(nameOf)).size < takedowns.length) {
    throw new ServiceError("INVALID_REQUEST", "a call may hold one takedown of each subject");
  }
  return takedowns;
}

/** Returns a text that tells one subject from every other. */
export function nameOf({ kind, subject }: Takedown): string {
  return `${kind} ${subject}`;
}
