import { randomUUIDv7 } from "node:crypto";
import type { Socket } from "node:net";
import type { Server as SecureServer } from "node:tls";
import { tellCertificate } from "../../platform/about.ts";
import { systemClock } from "../../platform/clock.ts";
import { createCloser } from "../../platform/closer.ts";
import type { Start } from "../../platform/lifecycle.ts";
import { createAdmission } from "./admission.ts";
import { createApiHandler, openApiServer } from "./api-servers.ts";
import type { settings } from "./config.ts";
import { openCountries } from "./countries.ts";
import { createFailureLimit } from "./failure-limit.ts";
import { createGatekeeper } from "./gatekeeper.ts";
import { createHttp } from "./http.ts";
import { openKeyUse } from "./key-use.ts";
import { readCertificate, renewCertificate } from "./listener.ts";
import { createScanRecorder } from "./scan-recorder.ts";
import { createTurns } from "./turns.ts";
import { createUpstreams } from "./upstreams.ts";
import { createVisitorSalts } from "./visitor-salts.ts";

export const start: Start<typeof settings> = async (config, log, metrics) => {
  if (config.quotaPolicy === "open" && config.quotaTimeoutMs >= config.upstreamTimeoutMs) {
    throw new Error(
      "QUOTA_TIMEOUT_MS must be less than UPSTREAM_TIMEOUT_MS, or no request outlives a quota that hangs",
    );
  }
  if (config.closeNoticeMs >= config.drainMs) throw new Error("CLOSE_NOTICE_MS must be less than DRAIN_MS");
  // REST, RPC, scans and counts are closed one after the other, and there is something left for the rest.
  const stageMs = (config.drainMs - config.closeNoticeMs) / 5;
  const closer = createCloser(log);
  const upstreams = createUpstreams(config, { closer, closeMs: stageMs, log, metrics });
  const scanRecorder = createScanRecorder({
    scans: upstreams.scans,
    queue: upstreams.scanQueue,
    salts: createVisitorSalts({ scans: upstreams.scans, clock: systemClock, log }),
    countryOf: await openCountries(config.geoipDatabase),
    newId: randomUUIDv7,
    clock: systemClock,
    bufferMax: config.scanBufferMax,
    metrics,
    log,
  });
  closer.defer("scan recorder", () => scanRecorder.close({ deadlineMs: stageMs }));

  const keyUse = openKeyUse({ keys: upstreams.keys, clock: systemClock, closer, log });

  const gatekeeper = createGatekeeper({
    upstreams,
    keyUse,
    failureLimit: createFailureLimit({ perMinuteMax: config.unknownKeysPerMinuteMax }),
    turns: createTurns({
      underWayMax: config.accountInFlightMax,
      waitingMax: Math.ceil(config.apiInFlightMax / 2),
      clock: systemClock,
      metrics,
    }),
  });
  const apiPlaces = createAdmission({ kind: "api_requests", placesMax: config.apiInFlightMax, metrics });
  const handleCalls = createApiHandler({
    gatekeeper,
    places: apiPlaces,
    newRequestId: randomUUIDv7,
    timeoutMs: config.upstreamTimeoutMs,
    noteCall: metrics.duration("api_call", "calls of qrforge.api.v1, by method and the reason of their failure"),
    trustedProxies: config.trustedProxies,
    log,
  });
  const certificateNow = () => readCertificate(config.publicCertFile, config.publicKeyFile);
  const certificate = await certificateNow();
  const rpcAddress = certificate
    ? undefined
    : await openApiServer({ listen: config.rpcListen, handle: handleCalls, closeMs: stageMs, closer });

  const scheme = certificate ? "https" : "http";
  const publicUrl = config.publicUrl || `${scheme}://${config.listen.host}:${config.listen.port}`;
  const app = createHttp({
    upstreams,
    scanRecorder,
    gatekeeper,
    handleCalls,
    newRequestId: randomUUIDv7,
    publicUrl,
    shortUrlBase: config.shortUrlBase,
    isSecure: publicUrl.startsWith("https://"),
    upstreamTimeoutMs: config.upstreamTimeoutMs,
    closeNoticeMs: config.closeNoticeMs,
    certificate,
    noteRequest: metrics.duration("http_request", "requests, by the route's pattern, method and status"),
    apiPlaces,
    scanPlaces: createAdmission({ kind: "scan_requests", placesMax: config.scansInFlightMax, metrics }),
    trustedProxies: config.trustedProxies,
    countryHeader: config.countryHeader.toLowerCase(),
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
  tellCertificate({ use: "rpc", file: config.tlsCertFile, metrics, log });
  tellCertificate({ use: "public", file: config.publicCertFile, metrics, log });
  if (certificate) {
    const server = app.server as unknown as SecureServer;
    renewCertificate({ server, read: certificateNow, clock: systemClock, closer, log });
  }
  const { port } = app.server.address() as { port: number };
  const address = `${config.listen.host}:${port}`;
  return { address, announce: { rpc: rpcAddress ?? address }, close: () => closer.close() };
};
