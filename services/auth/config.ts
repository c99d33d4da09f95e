import { busSettings, commonSettings, databaseSettings, listenAddress } from "../../platform/config.ts";
import { granterSettings } from "../../platform/lease/settings.ts";
import { rpcServerSettings } from "../../platform/rpc/settings.ts";

/** Every setting of auth. */
export const settings = {
  ...commonSettings,
  ...databaseSettings,
  ...busSettings,
  ...rpcServerSettings,
  ...granterSettings,
  listen: listenAddress("LISTEN_ADDRESS", "where gRPC is served, host:port", "127.0.0.1:50051"),
};
