import { granterSettings } from "../../platform/lease/settings.ts";
import {
  busSettings,
  choice,
  commonSettings,
  databaseSettings,
  integer,
  listenAddress,
} from "../../platform/process/config.ts";
import { rpcServerSettings } from "../../platform/rpc/settings.ts";
import { metricsAddress } from "../../platform/telemetry/metrics.ts";
import { tracingSettings } from "../../platform/telemetry/tracing.ts";
import { signUpNames } from "./domain/sign-up.ts";

/** Every setting of auth. */
export const settings = {
  ...commonSettings,
  ...tracingSettings,
  ...databaseSettings,
  ...busSettings,
  ...rpcServerSettings,
  metricsListen: metricsAddress("127.0.0.1:9465"),
  ...granterSettings,
  listen: listenAddress("LISTEN_ADDRESS", "address on which gRPC is served, host:port", "127.0.0.1:50051"),
  sessionMs: integer("SESSION_MS", "duration of a session, in ms", 14 * 86_400_000, { min: 1_000 }),
  signUp: choice(
    "SIGN_UP",
    "who may create an account: open (everybody), invited (people whom an operator has invited), closed (operators alone)",
    signUpNames,
    "closed",
  ),
};
