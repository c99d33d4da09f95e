import { busSettings, commonSettings, databaseSettings, listenAddress, url } from "../../platform/config.ts";
import { granterSettings } from "../../platform/lease/settings.ts";
import { metricsAddress } from "../../platform/metrics.ts";
import { rpcServerSettings } from "../../platform/rpc/settings.ts";

/** Every setting of qr. */
export const settings = {
  ...commonSettings,
  ...databaseSettings,
  ...busSettings,
  ...rpcServerSettings,
  metricsListen: metricsAddress("127.0.0.1:9467"),
  ...granterSettings,
  listen: listenAddress("LISTEN_ADDRESS", "where gRPC is served, host:port", "127.0.0.1:50053"),
  shortUrlBase: url(
    "SHORT_URL_BASE",
    "where short URLs begin: the public address of the scan host, which printed codes encode for good",
    ["http", "https"],
    "http://localhost:8080",
  ),
};
