import { ServiceError } from "../errors.ts";

/** The longest time of a timer of Node, in ms. */
const timerMaxMs = 2 ** 31 - 1;

/** Returns what a promise resolves to; rejects with DEADLINE_EXCEEDED after `timeoutMs`. The work itself goes on. */
export async function withTimeout<T>(work: PromiseLike<T>, timeoutMs: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const expired = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new ServiceError("DEADLINE_EXCEEDED")), Math.min(timeoutMs, timerMaxMs));
  });
  try {
    return await Promise.race([work, expired]);
  } finally {
    clearTimeout(timer);
  }
}
