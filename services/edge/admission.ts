import { Failure } from "../../platform/errors.ts";
import type { Metrics } from "../../platform/metrics.ts";

/** A bound on what is being worked on at once. */
export interface Admission {
  /** Takes a place, or fails with UNAVAILABLE at once; the place is given back by what this answers. */
  enter(): () => void;
}

/** Places for so many requests of a kind; who finds none is told to come again, quickly, so that the rest are served. */
export function createAdmission(options: { kind: string; placesMax: number; metrics: Metrics }): Admission {
  const { kind, placesMax, metrics } = options;
  const refused = metrics.counter(`${kind}_refused`, `${kind} refused because too many were under way`);
  let taken = 0;
  metrics.gauge(`${kind}_in_flight`, `${kind} being worked on`, () => taken);
  return {
    enter() {
      if (taken >= placesMax) {
        refused();
        throw new Failure("UNAVAILABLE", "The service is at its limit. Try again shortly.", { retryAfterS: 1 });
      }
      taken++;
      let inside = true;
      return () => {
        if (inside) taken--;
        inside = false;
      };
    },
  };
}
