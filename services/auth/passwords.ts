import { argon2, randomBytes, timingSafeEqual } from "node:crypto";
import { promisify } from "node:util";
import { ServiceError } from "../../platform/errors.ts";

/** OWASP's first choice of 2024 for argon2id: 19 MiB, two passes, one lane. */
const cost = { memory: 19_456, passes: 2, parallelism: 1 };
const tagLength = 32;
const saltLength = 16;
const lengthMin = 10;
const lengthMax = 256;
/** Hashes computed at once, and waiting, at most: sign-ins may be slow, and may not slow anything else. */
const runningMax = 2;
const waitingMax = 64;

const argon2Async = promisify(argon2);

/** What is wrong with a password, or undefined if nothing is. */
export function passwordIssue(password: string): string | undefined {
  const length = [...password].length;
  if (length < lengthMin || length > lengthMax) return `must have ${lengthMin} to ${lengthMax} characters`;
  return undefined;
}

/** Hashes and checks passwords. Fails with UNAVAILABLE when too many wait. */
export interface Passwords {
  /** A PHC string: https://github.com/P-H-C/phc-string-format */
  hash(password: string): Promise<string>;
  /** Whether a password is the one of a PHC string; false for null, after as much work. */
  verify(password: string, phc: string | null): Promise<boolean>;
}

export function createPasswords(): Passwords {
  let running = 0;
  const waiting: (() => void)[] = [];

  async function inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (running >= runningMax) {
      if (waiting.length >= waitingMax) {
        throw new ServiceError("UNAVAILABLE", "Too many people are signing in. Try again shortly.", { retryAfterS: 1 });
      }
      await new Promise<void>((resolve) => waiting.push(resolve));
    } else running++;
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next) next();
      else running--;
    }
  }

  const derive = (password: string, nonce: Buffer, { memory, passes, parallelism }: typeof cost) =>
    inTurn(() =>
      argon2Async("argon2id", {
        message: Buffer.from(password.normalize("NFKC")),
        nonce,
        memory,
        passes,
        parallelism,
        tagLength,
      }),
    );
  const noSalt = Buffer.alloc(saltLength);

  return {
    async hash(password) {
      const salt = randomBytes(saltLength);
      const tag = await derive(password, salt, cost);
      const text = (bytes: Uint8Array) => Buffer.from(bytes).toString("base64").replace(/=+$/, "");
      const { memory, passes, parallelism } = cost;
      return `$argon2id$v=19$m=${memory},t=${passes},p=${parallelism}$${text(salt)}$${text(tag)}`;
    },
    async verify(password, phc) {
      const match = /^\$argon2id\$v=19\$m=(\d+),t=(\d+),p=(\d+)\$([^$]+)\$([^$]+)$/.exec(phc ?? "");
      if (!match) {
        await derive(password, noSalt, cost);
        return false;
      }
      const [memory, passes, parallelism] = match.slice(1, 4).map(Number) as [number, number, number];
      const [salt, tag] = match.slice(4, 6).map((part) => Buffer.from(part, "base64")) as [Buffer, Buffer];
      return timingSafeEqual(await derive(password, salt, { memory, passes, parallelism }), tag);
    },
  };
}
