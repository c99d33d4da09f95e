import { integer } from "../process/config.ts";
import { accessSettings, tlsSettings } from "./tls.ts";

/** Settings of every gRPC server. */
export const rpcServerSettings = {
  ...tlsSettings,
  ...accessSettings,
  callsInFlightMax: integer("CALLS_IN_FLIGHT_MAX", "maximum number of gRPC calls in flight", 10_000, { min: 1 }),
  connectionAgeMaxMs: integer(
    "CONNECTION_AGE_MAX_MS",
    "after how long a gRPC connection is closed gently so that clients find new replicas, in ms",
    300_000,
    { min: 1_000 },
  ),
};
