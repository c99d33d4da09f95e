import { ServiceError } from "../../../platform/errors.ts";
import type { CallContext } from "../../../platform/rpc/server.ts";
import type { Actor } from "../store/audit.ts";

const lengthMax = 100;

/** Returns a person in their own account as an actor. */
export function personOf(accountId: string, address: string, context: CallContext): Actor {
  return readActor({ name: `account:${accountId}`, address }, context);
}

/** On whose behalf a request is made: whom it names, else the caller as the connection shows it. */
export function actorOf({ actor }: { actor?: Actor | undefined }, context: CallContext): Actor {
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
