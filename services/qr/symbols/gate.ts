import { ServiceError } from "../../../platform/errors.ts";

/** For whom something is drawn. */
export interface DrawCaller {
  accountId: string;
  /** Milliseconds until nobody waits for it any more. */
  remainingMs(): number;
}

/** Lets so many pass at once, and so many wait; further ones fail with UNAVAILABLE. */
export function createGate(insideMax: number, waitingMax: number) {
  let queue: { enter(): void; expire(error: ServiceError): void; remainingMs(): number }[] = [];
  let inside = 0;
  /** Sends away those for whom nobody waits any more. */
  function sendAway(): void {
    const expired = queue.filter((one) => one.remainingMs() <= 0);
    queue = queue.filter((one) => !expired.includes(one));
    for (const one of expired) one.expire(new ServiceError("DEADLINE_EXCEEDED"));
  }
  return {
    waiting: () => queue.length,
    async pass<T>({ remainingMs }: DrawCaller, work: () => Promise<T>): Promise<T> {
      if (inside >= insideMax) {
        if (queue.length >= waitingMax) sendAway();
        if (queue.length >= waitingMax) throw new ServiceError("UNAVAILABLE", undefined, { retryAfterS: 1 });
        // Whoever leaves hands its place on.
        await new Promise<void>((enter, expire) => queue.push({ enter, expire, remainingMs }));
      } else inside++;
      try {
        if (remainingMs() <= 0) throw new ServiceError("DEADLINE_EXCEEDED");
        return await work();
      } finally {
        const next = queue.shift();
        if (next) next.enter();
        else inside--;
      }
    },
  };
}

/** Lets each account have so much under way; more fails with UNAVAILABLE, so that others get their turn. */
export function createShares(shareMax: number) {
  const taken = new Map<string, number>();
  return {
    async take<T>({ accountId }: DrawCaller, work: () => Promise<T>): Promise<T> {
      const count = taken.get(accountId) ?? 0;
      if (count >= shareMax) {
        throw new ServiceError("UNAVAILABLE", "Too much of this account is being drawn.", { retryAfterS: 1 });
      }
      taken.set(accountId, count + 1);
      try {
        return await work();
      } finally {
        const left = (taken.get(accountId) ?? 1) - 1;
        if (left === 0) taken.delete(accountId);
        else taken.set(accountId, left);
      }
    },
  };
}
