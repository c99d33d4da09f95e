import { CreatedVia } from "../../../gen/qrforge/qr/v1/project_pb.ts";
import { ServiceError } from "../../../platform/errors.ts";
import type { Clock } from "../../../platform/process/clock.ts";
import type { Upstreams } from "../upstreams/clients.ts";
import type { KeyUsage } from "../upstreams/key-usage.ts";
import { hashKey, readKey } from "./credentials.ts";
import type { GuessLimit } from "./guess-limit.ts";
import type { Authenticate } from "./pipeline.ts";

export interface AuthenticateOptions {
  upstreams: Pick<Upstreams, "peekKey" | "resolveKey">;
  keyUsage: KeyUsage;
  guessLimit: GuessLimit;
  clock: Pick<Clock, "now">;
}

/**
 * Returns a function that authenticates an API key. It rejects with UNAUTHORIZED, API_KEY_INACTIVE, or RATE_LIMIT_MINUTE
 * for an address that guesses keys; a key in the edge's cache passes even while its address is limited.
 */
export function createKeyAuthentication(options: AuthenticateOptions): Authenticate {
  const { upstreams, keyUsage, guessLimit, clock } = options;
  return async ({ headers, address, remainingMs }) => {
    const hash = hashKey(readKey(headers));
    let answer = upstreams.peekKey(hash);
    if (!answer) {
      guessLimit.check(address, clock.now());
      answer = await upstreams.resolveKey(hash, { timeoutMs: remainingMs() });
      if (answer.verdict === "unknown") guessLimit.record(address, hash, clock.now());
    }
    if (answer.verdict !== "active") throw refusals[answer.verdict]();
    keyUsage.note(answer.keyId);
    return { ...answer, face: "api", createdVia: CreatedVia.API };
  };
}

const refusals = {
  unknown: () => new ServiceError("UNAUTHORIZED"),
  revoked: () => new ServiceError("API_KEY_INACTIVE"),
  account_disabled: () => new ServiceError("API_KEY_INACTIVE", "The account of this API key is disabled."),
};
