import { abuseContactSettings } from "../../platform/abuse-contact.ts";
import { holderSettings } from "../../platform/lease/settings.ts";
import { baseUrl } from "../../platform/process/base-url.ts";
import { busSettings, choice, commonSettings, integer, listenAddress, text } from "../../platform/process/config.ts";
import { tlsSettings } from "../../platform/rpc/tls.ts";
import { shortUrlSettings } from "../../platform/short-url-base.ts";
import { metricsAddress } from "../../platform/telemetry/metrics.ts";
import { tracingSettings } from "../../platform/telemetry/tracing.ts";
import { addressList } from "./http/trusted-proxies.ts";

const replicas = "as host:port,host:port for several, or dns:///name:port";

/** Every setting of the edge. */
export const settings = {
  ...commonSettings,
  ...tracingSettings,
  ...busSettings,
  ...holderSettings,
  ...tlsSettings,
  metricsListen: metricsAddress("127.0.0.1:9464"),
  listen: listenAddress("LISTEN_ADDRESS", "where HTTP is served, host:port", "127.0.0.1:8080"),
  rpcListen: listenAddress(
    "RPC_LISTEN_ADDRESS",
    "where qrforge.api.v1 is served over gRPC, host:port",
    "127.0.0.1:8090",
  ),
  publicCertFile: text(
    "PUBLIC_TLS_CERT_FILE",
    "the certificate, with its chain, that clients see, PEM; set, LISTEN_ADDRESS serves HTTPS and gRPC on one port, and RPC_LISTEN_ADDRESS nothing",
    "",
  ),
  publicKeyFile: text("PUBLIC_TLS_KEY_FILE", "the private key of that certificate, PEM", ""),
  publicUrl: baseUrl(
    "PUBLIC_URL",
    "URL at which clients reach the API, for its reference; unset, the address it listens on",
    "",
  ),
  ...shortUrlSettings,
  ...abuseContactSettings,
  authAddress: text("AUTH_ADDRESS", `auth's replicas, ${replicas}`, "127.0.0.1:50051"),
  quotaAddress: text("QUOTA_ADDRESS", `quota's replicas, ${replicas}`, "127.0.0.1:50052"),
  qrAddress: text("QR_ADDRESS", `qr's replicas, ${replicas}`, "127.0.0.1:50053"),
  upstreamTimeoutMs: integer("UPSTREAM_TIMEOUT_MS", "how long one request waits for all its services, in ms", 5_000, {
    min: 1,
  }),
  quotaTimeoutMs: integer("QUOTA_TIMEOUT_MS", "how long one call to quota may take, in ms", 2_000, { min: 1 }),
  quotaPolicy: choice(
    "QUOTA_POLICY",
    "what happens while quota cannot be reached: closed refuses requests (503), open serves them and counts them here",
    ["closed", "open"],
    "closed",
  ),
  cacheEntriesMax: integer("CACHE_ENTRIES_MAX", "maximum number of keys, and of slugs, in an edge's cache", 100_000, {
    min: 1,
  }),
  negativeLifetimeMs: integer(
    "CACHE_NEGATIVE_LIFETIME_MS",
    "how long an edge caches that a key is invalid or a slug does not exist, in ms",
    5_000,
  ),
  staleSlugMs: integer(
    "STALE_SLUG_MS",
    "how long an edge redirects scans by its cache when qr cannot be reached, in ms; 0 is never",
    3_600_000,
  ),
  disabledAccountScans: choice(
    "DISABLED_ACCOUNT_SCANS",
    "what scans of a disabled account's codes get: gone (a page with status 410) or redirect (as before)",
    ["gone", "redirect"],
    "gone",
  ),
  redirectTimeoutMs: integer("REDIRECT_TIMEOUT_MS", "how long a redirect waits for qr, in ms", 1_000, { min: 1 }),
  batchItemsMax: integer("BATCH_ITEMS_MAX", "maximum number of items in one call to a service", 256, {
    min: 1,
    max: 1_000,
  }),
  batchesInFlightMax: integer("BATCHES_IN_FLIGHT_MAX", "maximum number of calls of one kind in flight", 8, { min: 1 }),
  batchQueueMax: integer("BATCH_QUEUE_MAX", "maximum number of items of one kind that wait to be sent", 10_000, {
    min: 1,
  }),
  closeNoticeMs: integer(
    "CLOSE_NOTICE_MS",
    "how long a stopping edge still accepts connections after /readyz says that it is stopping, in ms",
    0,
  ),
  apiInFlightMax: integer("API_IN_FLIGHT_MAX", "maximum number of API requests being handled; more get 503", 2_000, {
    min: 1,
  }),
  accountInFlightMax: integer(
    "ACCOUNT_IN_FLIGHT_MAX",
    "maximum number of requests of one account being handled while other accounts call; more wait in a queue",
    8,
    { min: 1 },
  ),
  scansInFlightMax: integer("SCANS_IN_FLIGHT_MAX", "maximum number of scans being handled; more get 503", 2_000, {
    min: 1,
  }),
  dashboardInFlightMax: integer(
    "DASHBOARD_IN_FLIGHT_MAX",
    "maximum number of requests of the dashboard being handled; more get 503",
    500,
    { min: 1 },
  ),
  pagesInFlightMax: integer(
    "PAGES_IN_FLIGHT_MAX",
    "maximum number of pages and files being prepared; more get 503",
    500,
    {
      min: 1,
    },
  ),
  bodiesInFlightMax: integer(
    "BODIES_IN_FLIGHT_MAX",
    "maximum number of bodies being read, half of them from one address; more get 503",
    1_000,
    { min: 2 },
  ),
  connectionsMax: integer(
    "CONNECTIONS_MAX",
    "maximum number of client connections, half of them from one address that is no trusted proxy; more are closed",
    10_000,
    { min: 2 },
  ),
  openRequestsMax: integer(
    "OPEN_REQUESTS_MAX",
    "maximum number of requests whose answers are not sent completely, half of them from one address; more get 503",
    10_000,
    { min: 2 },
  ),
  unknownKeysPerMinuteMax: integer(
    "UNKNOWN_KEYS_PER_MINUTE_MAX",
    "different unknown API keys that one address may try in a minute; more get 429",
    1_000,
    { min: 1 },
  ),
  trustedProxies: addressList(
    "TRUSTED_PROXIES",
    "proxies whose X-Forwarded-For and country header are trusted: addresses and networks, separated by commas",
  ),
  countryHeader: text("COUNTRY_HEADER", "header in which a trusted proxy gives the client's country, ISO 3166-1", ""),
  geoipDatabase: text("GEOIP_DATABASE", "MaxMind database of countries (.mmdb), used without such a header", ""),
  scanBufferMax: integer(
    "SCAN_BUFFER_MAX",
    "maximum number of scans that wait to be recorded; more are dropped",
    100_000,
    {
      min: 1,
    },
  ),
};
