import { Failure } from "../../platform/errors.ts";
import type { CallContext } from "../../platform/rpc/server.ts";
import type { Actor } from "./audit-store.ts";

const lengthMax = 100;

/** On whose behalf a request is made: whom it names, else the caller as the connection shows it. */
export function actorOf(request: { actor?: Actor | undefined }, context: CallContext): Actor {
  const { name = "", address = "" } = request.actor ?? {};
  for (const text of [name, address]) {
    if (text.length > lengthMax || /\p{Cc}/u.test(text) || !text.isWellFormed()) {
      throw new Failure("INVALID_REQUEST", `actor must have at most ${lengthMax} characters, no control characters`);
    }
  }
  return { name: name || `service:${context.peer}`, address: address || context.peer };
}
