import { describe, expect, it } from "vitest";
import type { ConsumeRequest } from "../../../contracts/quota-rule.ts";
import { seeded } from "../../../dev/seed/random.ts";
import { crcOf, refundsOf } from "./batch.ts";
import { decisionAt, groupBySubject } from "./window.ts";

describe("what is given back", () => {
  it("is exactly what the decisions of the named places were admitted for, by key", () => {
    for (let seed = 0; seed < 500; seed++) {
      const random = seeded(seed);
      const int = (max: number) => Math.floor(random() * (max + 1));
      const costs = [1 + int(4), 1 + int(4)];
      const requests = Array.from({ length: 1 + int(12) }, (): ConsumeRequest => {
        const account = int(1);
        return {
          ...{ accountId: `a${account}`, face: "api", keyId: `k${int(2)}`, cost: costs[account] as number },
          limits: { perMinute: 99, perDay: 0 },
        };
      });
      const { charges, places } = groupBySubject(requests);
      const rows = charges.map(({ requested }, row) => {
        return { ...{ minute: 7 + row, day: 3, minuteUsed: 99, dayUsed: 99 }, admitted: int(requested + 6) };
      });
      const shares = charges.map((_, row) => ({ row, before: int(5) }));
      const named = [...requests.keys()].filter(() => random() < 0.6);
      const expected: Record<string, number> = {};
      for (const [index, charge] of charges.entries()) {
        for (const [position, place] of (places[index] as number[]).entries()) {
          const { row, before } = shares[index] as (typeof shares)[number];
          const outcome = rows[row] as (typeof rows)[number];
          const isAdmitted = decisionAt(before + position, charge, outcome).refusedBy === "none";
          if (!isAdmitted || !named.includes(place)) continue;
          const name = `${charge.subject} ${requests[place]?.keyId} ${outcome.minute}`;
          expected[name] = (expected[name] ?? 0) + charge.cost;
        }
      }
      const batch = { batchId: "", requestsCrc: crcOf(requests), shares, answer: { rows, nowMs: 0 } };
      const given = refundsOf(requests, named, batch);
      const shown = Object.fromEntries(given.map((one) => [`${one.subject} ${one.keyId} ${one.minute}`, one.units]));
      expect(shown, `seed ${seed}`).toEqual(expected);
    }
  });
});
