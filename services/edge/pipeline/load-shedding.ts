import { createSemaphore, type Slot } from "../../../platform/concurrency/semaphore.ts";
import { ServiceError } from "../../../platform/errors.ts";
import type { Metrics } from "../../../platform/telemetry/metrics.ts";

/** Limits how many requests of a kind are handled at the same time. */
export interface RequestSlots {
  /** Acquires a slot, or throws UNAVAILABLE at once. Our own work holds a slot, never a client that sends or reads. */
  acquire(): Slot;
}

/** Creates slots for requests of a kind. Requests beyond `max` are rejected at once, so that the others are served. */
export function createRequestSlots(options: { kind: string; max: number; metrics: Metrics }): RequestSlots {
  const { kind, max, metrics } = options;
  const semaphore = createSemaphore({ max });
  const refused = metrics.counter(`${kind}_refused`, `${kind} refused because too many were in flight`);
  metrics.gauge(`${kind}_in_flight`, `${kind} being handled`, () => semaphore.inUse());
  return {
    acquire() {
      const slot = semaphore.tryAcquire();
      if (slot) return slot;
      refused();
      throw new ServiceError("UNAVAILABLE", "The service is at its limit. Try again shortly.", { retryAfterS: 1 });
    },
  };
}
