import { argon2, randomBytes, timingSafeEqual } from "node:crypto";
import { promisify } from "node:util";
import { createSemaphore } from "../../../platform/concurrency/semaphore.ts";
import { ServiceError } from "../../../platform/errors.ts";
import { type Argon2Cost, formatPhc, parsePhc } from "../domain/phc.ts";

/** The first choice of OWASP (2024) for Argon2id: 19 MiB, two passes, one lane. */
const cost: Argon2Cost = { memory: 19_456, passes: 2, parallelism: 1 };
const tagLength = 32;
const saltLength = 16;
/** Hashes computed at once, and waiting, at most: sign-ins may be slow, and must not slow down other calls. */
const runningMax = 2;
const queueMax = 64;
/** The longest wait for a hash to begin; a full queue takes about 2 s. */
const waitTimeoutMs = 10_000;

const argon2Async = promisify(argon2);

/** Hashes and checks passwords. Throws UNAVAILABLE if too many calls wait. */
export interface PasswordHasher {
  /** Returns a PHC string: https://github.com/P-H-C/phc-string-format */
  hash(password: string): Promise<string>;
  /** Returns whether a password is the one of a PHC string; false for null, after the same work. */
  verify(password: string, phc: string | null): Promise<boolean>;
}

export function createPasswordHasher(): PasswordHasher {
  const slots = createSemaphore({ max: runningMax, queueMax });
  const noSalt = Buffer.alloc(saltLength);

  async function derive(password: string, nonce: Buffer, { memory, passes, parallelism }: Argon2Cost): Promise<Buffer> {
    if (slots.queued() >= queueMax) {
      throw new ServiceError("UNAVAILABLE", "Too many people are signing in. Try again shortly.", { retryAfterS: 1 });
    }
    using _slot = await slots.acquire("", { timeoutMs: waitTimeoutMs });
    const message = Buffer.from(password.normalize("NFKC"));
    return await argon2Async("argon2id", { message, nonce, memory, passes, parallelism, tagLength });
  }

  return {
    async hash(password) {
      const salt = randomBytes(saltLength);
      return formatPhc({ cost, salt, tag: await derive(password, salt, cost) });
    },
    async verify(password, phc) {
      const stored = parsePhc(phc ?? "");
      if (!stored) {
        await derive(password, noSalt, cost);
        return false;
      }
      return timingSafeEqual(await derive(password, stored.salt, stored.cost), stored.tag);
    },
  };
}
