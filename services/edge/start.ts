import { randomUUIDv7 } from "node:crypto";
import type { Socket } from "node:net";
import type { Server as SecureServer } from "node:tls";
import { registerCertificateExpiry } from "../../platform/process/build-info.ts";
import { systemClock } from "../../platform/process/clock.ts";
import { createCloser } from "../../platform/process/closer.ts";
import type { Start } from "../../platform/process/lifecycle.ts";
import { portOf } from "../../platform/process/port.ts";
import type { settings } from "./config.ts";
import { createHttp } from "./http/app.ts";
import { createBodySlots } from "./http/body-reader.ts";
import { readCertificate, renewCertificate } from "./http/certificate.ts";
import { createOriginLookup } from "./http/client-address.ts";
import { createPeerBounds } from "./http/peer-bounds.ts";
import { createRequestGuard } from "./http/request-guard.ts";
import { createHttpServer } from "./http/server.ts";
import { createKeyAuthentication } from "./pipeline/authenticate.ts";
import { createFairQueue } from "./pipeline/fair-queue.ts";
import { createGuessLimit } from "./pipeline/guess-limit.ts";
import { createRequestSlots } from "./pipeline/load-shedding.ts";
import { createPipeline } from "./pipeline/pipeline.ts";
import { createRpcHandler, openRpcServer } from "./rpc/server.ts";
import { openGeoip } from "./scans/geoip.ts";
import { createScanPages } from "./scans/html-pages.ts";
import { createScanRecorder } from "./scans/recorder.ts";
import { createVisitorSalts } from "./scans/visitor-salt.ts";
import { createUpstreams } from "./upstreams/clients.ts";
import { openKeyUsage } from "./upstreams/key-usage.ts";

export const start: Start<typeof settings> = async (config, log, metrics) => {
  if (config.quotaPolicy === "open" && config.quotaTimeoutMs >= config.upstreamTimeoutMs) {
    throw new Error(
      "QUOTA_TIMEOUT_MS must be less than UPSTREAM_TIMEOUT_MS, or no request outlives a quota that hangs",
    );
  }
  if (config.closeNoticeMs >= config.drainMs) throw new Error("CLOSE_NOTICE_MS must be less than DRAIN_MS");
  // REST, RPC, scans with key usage, and quota's counts are closed one after the other, and there is something left for the rest.
  const stageMs = (config.drainMs - config.closeNoticeMs) / 5;
  const closer = createCloser(log);
  const upstreams = createUpstreams(config, { closer, closeMs: stageMs, log, metrics });
  const scanRecorder = createScanRecorder({
    scans: upstreams.scans,
    queue: upstreams.scanQueue,
    salts: createVisitorSalts({ scans: upstreams.scans, clock: systemClock, log }),
    countryOf: await openGeoip(config.geoipDatabase),
    newId: randomUUIDv7,
    clock: systemClock,
    bufferMax: config.scanBufferMax,
    metrics,
    log,
  });
  const usageCloser = createCloser(log);
  const keyUsage = openKeyUsage({ keys: upstreams.keys, clock: systemClock, closer: usageCloser, log });
  closer.defer("scans and key usage", () =>
    Promise.all([scanRecorder.close({ timeoutMs: stageMs }), usageCloser.close()]),
  );

  const originOf = createOriginLookup(config.trustedProxies, log);
  const bounds = createPeerBounds({
    connectionsMax: config.connectionsMax,
    openRequestsMax: config.openRequestsMax,
    trustedProxies: config.trustedProxies,
    originOf,
    newRequestId: randomUUIDv7,
    metrics,
    log,
  });
  const bodySlots = createBodySlots({ max: config.bodiesInFlightMax, metrics });
  const slotsOf = (kind: string, max: number) => createRequestSlots({ kind, max, metrics });
  const dashboardSlots = slotsOf("dashboard_requests", config.dashboardInFlightMax);
  const fairQueue = createFairQueue({
    inFlightMax: config.accountInFlightMax,
    queueMax: Math.ceil(config.apiInFlightMax / 2),
    clock: systemClock,
    metrics,
  });
  const api = {
    authenticate: createKeyAuthentication({
      upstreams,
      keyUsage,
      guessLimit: createGuessLimit({ perMinuteMax: config.unknownKeysPerMinuteMax }),
      clock: systemClock,
    }),
    pipeline: createPipeline({
      consumeQuota: (caller, cost, wait) => upstreams.consumeQuota({ ...caller, cost }, wait),
      slots: slotsOf("api_requests", config.apiInFlightMax),
      fairQueue,
    }),
    upstreams,
    originOf,
    bodySlots,
    upstreamTimeoutMs: config.upstreamTimeoutMs,
    clock: systemClock,
  };
  const handleRpc = createRpcHandler({
    ...api,
    newRequestId: randomUUIDv7,
    recordCall: metrics.duration("api_call", "calls of qrforge.api.v1, by method and the reason of their failure"),
    log,
  });
  const certificateNow = () => readCertificate(config.publicCertFile, config.publicKeyFile);
  const certificate = await certificateNow();
  const scheme = certificate ? "https" : "http";
  const publicUrl = config.publicUrl || `${scheme}://${config.listen.host}:${config.listen.port}`;
  const isSecure = publicUrl.startsWith("https://");
  const guard = createRequestGuard({ bounds, isSecure: isSecure || !!certificate, newRequestId: randomUUIDv7 });
  const rpcAddress = certificate
    ? undefined
    : await openRpcServer({ listen: config.rpcListen, handle: handleRpc, bounds, guard, closeMs: stageMs, closer });

  const app = createHttp({
    rest: api,
    dashboard: {
      ...api,
      slots: dashboardSlots,
      fairQueue,
      isSecure,
      shortUrlBase: config.shortUrlBase,
      abuseContact: config.abuseContact,
    },
    redirects: {
      upstreams,
      scanRecorder,
      pages: createScanPages(config.abuseContact),
      slots: slotsOf("scan_requests", config.scansInFlightMax),
      originOf,
      countryHeader: config.countryHeader.toLowerCase(),
      timeoutMs: config.upstreamTimeoutMs,
      log,
    },
    abuse: { ...config, publicUrl, clock: systemClock },
    leakedKeyReports: { ...api, slots: dashboardSlots },
    handleRpc,
    pageSlots: slotsOf("page_requests", config.pagesInFlightMax),
    createServer: (handle) => createHttpServer({ certificate, bounds, guard, handle }),
    newRequestId: randomUUIDv7,
    publicUrl,
    shortUrlBase: config.shortUrlBase,
    closeNoticeMs: config.closeNoticeMs,
    recordRequest: metrics.duration("http_request", "requests, by the route's pattern, method and status"),
    log,
  });
  const sockets = new Set<Socket>();
  app.server.on("connection", (socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  await app.listen({ host: config.listen.host, port: config.listen.port });
  closer.defer("http", async () => {
    // A client that dawdles over its request may not keep what comes after from closing.
    const cut = setTimeout(() => {
      for (const socket of sockets) socket.destroy();
    }, config.closeNoticeMs + stageMs);
    await app.close();
    clearTimeout(cut);
  });
  registerCertificateExpiry({ use: "rpc", file: config.tlsCertFile, metrics, log });
  registerCertificateExpiry({ use: "public", file: config.publicCertFile, metrics, log });
  if (certificate) {
    // With a certificate the server is one of TLS, which fastify's types do not know.
    const server = app.server as unknown as SecureServer;
    renewCertificate({ server, read: certificateNow, clock: systemClock, closer, log });
  }
  const address = `${config.listen.host}:${portOf(app.server)}`;
  return { address, announce: { rpc: rpcAddress ?? address }, close: () => closer.close() };
};
