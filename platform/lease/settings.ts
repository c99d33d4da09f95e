import { integer } from "../process/config.ts";

/** Settings of a service that grants leases. */
export const granterSettings = {
  leaseMs: integer("LEASE_MS", "how long an edge may use its cache without an answer from this service, in ms", 2_000, {
    min: 100,
  }),
  marginMs: integer(
    "LEASE_MARGIN_MS",
    "time that a change waits for a silent edge beyond its lease, for clocks of unequal rate, in ms",
    100,
  ),
  pollMs: integer(
    "LEASE_POLL_MS",
    "how often a waiting change checks whether edges have renewed at other replicas, in ms",
    50,
    { min: 1 },
  ),
};

/** Settings of a process that holds leases. */
export const holderSettings = {
  renewMs: integer("LEASE_RENEW_MS", "how often an edge renews its lease, in ms; well below LEASE_MS", 500, {
    min: 10,
  }),
};
