import { ServiceError } from "../../../platform/errors.ts";
import type { CallContext } from "../../../platform/rpc/server.ts";
import type { Actor } from "../domain/audit.ts";

const lengthMax = 100;

/** Returns a user who acts on their own account, at this address, as an actor. */
export function userActor(accountId: string, address: string, context: CallContext): Actor {
  return readActor({ name: `account:${accountId}`, address }, context);
}

/** Returns the actor that a request names; where it names none, the caller by its connection. */
export function requestActor({ actor }: { actor?: Actor | undefined }, context: CallContext): Actor {
  return readActor(actor ?? { name: "", address: "" }, context);
}

function readActor({ name, address }: Actor, context: CallContext): Actor {
  for (const text of [name, address]) {
    if (text.length > lengthMax || /\p{Cc}/u.test(text) || !text.isWellFormed()) {
      throw new ServiceError(
        "INVALID_REQUEST",
        `actor must have at most ${lengthMax} characters, no control characters`,
      );
    }
  }
  return { name: name || `service:${context.peer}`, address: address || context.peer };
}
