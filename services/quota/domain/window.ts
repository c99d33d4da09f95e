import {
  type ConsumeRequest,
  type Counts,
  type Limits,
  type RefusedBy,
  refusedBy,
  subjectOf,
} from "../../../contracts/quota-rule.ts";
import { ServiceError } from "../../../platform/errors.ts";
import { itemAt } from "../../../platform/item-at.ts";

export interface Decision extends Counts {
  refusedBy: RefusedBy;
}

/** Requests of one subject, an account's API or its dashboard, with the same cost and limits: one row of a statement. */
export interface Charge {
  subject: string;
  cost: number;
  /** Number of requests. */
  requested: number;
  limits: Limits;
}

/** Outcome of a charge: the number of admitted requests, and the counts after the last of them. */
export interface ChargeOutcome extends Counts {
  admitted: number;
}

/** A call's requests by subject: one charge for each, and the positions of its requests in the call. */
export interface GroupedRequests {
  charges: Charge[];
  places: number[][];
}

/** Groups the requests of a call by subject. Throws INVALID_REQUEST if a subject's requests differ in cost or limits. */
export function groupBySubject(requests: ConsumeRequest[]): GroupedRequests {
  const charges: Charge[] = [];
  const places: number[][] = [];
  const indexOf = new Map<string, number>();
  for (const [place, request] of requests.entries()) {
    const { cost, limits } = request;
    const subject = subjectOf(request);
    const index = indexOf.get(subject);
    if (index === undefined) {
      indexOf.set(subject, charges.length);
      charges.push({ subject, cost, requested: 1, limits });
      places.push([place]);
      continue;
    }
    const charge = itemAt(charges, index);
    if (!isAlike(charge, request)) {
      throw new ServiceError(
        "INVALID_REQUEST",
        `requests[${place}] must have the cost and limits of its account's other requests over this face, or be sent in a call of its own`,
      );
    }
    charge.requested++;
    places[index]?.push(place);
  }
  return { charges, places };
}

/** Returns whether two requests or charges of one subject have the same cost and limits. */
export function isAlike(a: Pick<Charge, "cost" | "limits">, b: Pick<Charge, "cost" | "limits">): boolean {
  return a.cost === b.cost && a.limits.perMinute === b.limits.perMinute && a.limits.perDay === b.limits.perDay;
}

/**
 * Returns the decision of a charge's request, by its position in the charge: the first `admitted` were charged one after the
 * other, and the others see the counts after those.
 */
export function decisionAt(position: number, charge: Charge, outcome: ChargeOutcome): Decision {
  if (position >= outcome.admitted) {
    return { refusedBy: refusedBy(charge, outcome), minuteUsed: outcome.minuteUsed, dayUsed: outcome.dayUsed };
  }
  const later = (outcome.admitted - 1 - position) * charge.cost;
  return { refusedBy: "none", minuteUsed: outcome.minuteUsed - later, dayUsed: outcome.dayUsed - later };
}
