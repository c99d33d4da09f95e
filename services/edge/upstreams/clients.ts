import { randomUUIDv7 } from "node:crypto";
import type { Face, Limits } from "../../../contracts/quota-rule.ts";
import { AccountService } from "../../../gen/qrforge/auth/v1/account_pb.ts";
import { AuditService } from "../../../gen/qrforge/auth/v1/audit_pb.ts";
import { InvitationService } from "../../../gen/qrforge/auth/v1/invitation_pb.ts";
import { KeyService } from "../../../gen/qrforge/auth/v1/key_pb.ts";
import { MailLinkService } from "../../../gen/qrforge/auth/v1/mail_link_pb.ts";
import { SessionService } from "../../../gen/qrforge/auth/v1/session_pb.ts";
import { ProjectService } from "../../../gen/qrforge/qr/v1/project_pb.ts";
import { type QrCode, QrCodeService } from "../../../gen/qrforge/qr/v1/qr_code_pb.ts";
import { ScanService } from "../../../gen/qrforge/qr/v1/scan_pb.ts";
import { SymbolService } from "../../../gen/qrforge/qr/v1/symbol_pb.ts";
import { QuotaService } from "../../../gen/qrforge/quota/v1/quota_pb.ts";
import { type Batcher, createBatcher } from "../../../platform/concurrency/batcher.ts";
import { isUnavailable, ServiceError } from "../../../platform/errors.ts";
import { createBus } from "../../../platform/messaging/bus.ts";
import { scanQueue } from "../../../platform/messaging/users.ts";
import { openPublisher, type Publisher } from "../../../platform/messaging/work-queue.ts";
import { systemClock } from "../../../platform/process/clock.ts";
import { type Closer, createCloser } from "../../../platform/process/closer.ts";
import type { Config } from "../../../platform/process/config.ts";
import { createRpcClient, type RpcClient } from "../../../platform/rpc/client.ts";
import type { Logger } from "../../../platform/telemetry/log.ts";
import type { Metrics } from "../../../platform/telemetry/metrics.ts";
import type { settings } from "../config.ts";
import type { QuotaDecision } from "../pipeline/rate-limit-headers.ts";
import { type KeyAnswer, openKeyCache } from "./key-cache.ts";
import { faceNumbers } from "./offline-windows.ts";
import { type ConsumeQuota, openQuotaClient, toQuotaDecision } from "./quota-client.ts";
import { openSlugCache, type SlugAnswer } from "./slug-cache.ts";

interface Wait {
  timeoutMs: number;
}

/** Clients of the services behind the edge. Every call fails with a ServiceError, and ends at its deadline. */
export interface Upstreams {
  /** Returns the cached result for a key, by the hex of its SHA-256; undefined if there is none. */
  peekKey(hash: string): KeyAnswer | undefined;
  /** Returns the result for a key, from the cache or from auth. */
  resolveKey(hash: string, wait: Wait): Promise<KeyAnswer>;
  /** Charges an account, or returns the window that is exhausted. */
  consumeQuota: ConsumeQuota;
  /** Reads both windows of an account over one face and charges nothing. */
  peek(asked: { accountId: string; face: Face; limits: Limits }, wait: Wait): Promise<QuotaDecision>;
  /** Returns a code of the account by id or slug. */
  getQrCode(accountId: string, idOrSlug: string, wait: Wait): Promise<QrCode | undefined>;
  /** Returns the target of a slug. */
  resolveSlug(slug: string, wait: Wait): Promise<SlugAnswer>;
  keys: RpcClient<typeof KeyService>;
  accounts: RpcClient<typeof AccountService>;
  sessions: RpcClient<typeof SessionService>;
  invitations: RpcClient<typeof InvitationService>;
  mailLinks: RpcClient<typeof MailLinkService>;
  audit: RpcClient<typeof AuditService>;
  quota: RpcClient<typeof QuotaService>;
  qrCodes: RpcClient<typeof QrCodeService>;
  projects: RpcClient<typeof ProjectService>;
  scans: RpcClient<typeof ScanService>;
  symbols: RpcClient<typeof SymbolService>;
  /** The queue of scans for qr. */
  scanQueue: Publisher;
  /** Resolves if every service that requests need says that it is serving. Concurrent calls share the questions. */
  ready(wait: Wait): Promise<unknown>;
}

export function createUpstreams(
  config: Config<typeof settings>,
  { closer, closeMs, log, metrics }: { closer: Closer; closeMs: number; log: Logger; metrics: Metrics },
): Upstreams {
  const clock = systemClock;
  const keys = createRpcClient(KeyService, { address: config.authAddress, tls: config });
  const accounts = createRpcClient(AccountService, { address: config.authAddress, tls: config });
  const sessions = createRpcClient(SessionService, { address: config.authAddress, tls: config });
  const invitations = createRpcClient(InvitationService, { address: config.authAddress, tls: config });
  const mailLinks = createRpcClient(MailLinkService, { address: config.authAddress, tls: config });
  const audit = createRpcClient(AuditService, { address: config.authAddress, tls: config });
  const quota = createRpcClient(QuotaService, { address: config.quotaAddress, tls: config });
  const qrCodes = createRpcClient(QrCodeService, { address: config.qrAddress, tls: config });
  const projects = createRpcClient(ProjectService, { address: config.qrAddress, tls: config });
  const scans = createRpcClient(ScanService, { address: config.qrAddress, tls: config });
  const symbols = createRpcClient(SymbolService, { address: config.qrAddress, tls: config });
  const clients = [keys, accounts, sessions, invitations, mailLinks, audit, quota, qrCodes, projects, scans, symbols];
  closer.defer("rpc clients", () => clients.map((client) => client.close()));

  const batching = {
    batchItemsMax: config.batchItemsMax,
    inFlightMax: config.batchesInFlightMax,
    queuedItemsMax: config.batchQueueMax,
  };
  const batches = metrics.counter("upstream_batches", "batches sent to services, by what they ask");
  const items = metrics.counter("upstream_items", "items in those batches");
  /** Creates a batcher with metrics. */
  function createCountedBatcher<Item, Result>(
    kind: string,
    send: (asked: Item[], wait: Wait) => Promise<(Result | Error)[]>,
  ): Batcher<Item, Result> {
    return createBatcher<Item, Result>({
      ...batching,
      send(asked, wait) {
        batches({ kind });
        items({ kind }, asked.length);
        return send(asked, wait);
      },
    });
  }
  const consumeQuota = openQuotaClient({
    quota: quota.client,
    policy: config.quotaPolicy,
    timeoutMs: config.quotaTimeoutMs,
    batching,
    newBatchId: randomUUIDv7,
    accountsMax: config.cacheEntriesMax,
    closeMs,
    clock,
    metrics,
    closer,
    log,
  });
  const getQrCodes = createCountedBatcher<{ accountId: string; idOrSlug: string }, QrCode | undefined>(
    "codes",
    async (names, wait) => (await qrCodes.client.batchGetQrCodes({ names }, wait)).lookups.map(({ qrCode }) => qrCode),
  );
  const bus = createBus({ url: config.natsUrl, password: config.natsPassword, client: "edge", log });
  closer.defer("bus", () => bus.close());
  const holding = { tls: config, holder: randomUUIDv7(), bus, renewMs: config.renewMs, log };
  const [keyCloser, slugCloser] = [createCloser(log), createCloser(log)];
  closer.defer("leases", () => Promise.all([keyCloser.close(), slugCloser.close()]));
  const caching = {
    clock,
    entriesMax: config.cacheEntriesMax,
    negativeLifetimeMs: config.negativeLifetimeMs,
    isUnavailable,
  };
  const leasing = { createBatcher: createCountedBatcher, caching };
  const keyCache = openKeyCache({
    ...leasing,
    holding: { ...holding, closer: keyCloser },
    address: config.authAddress,
    keys: keys.client,
    loadTimeoutMs: config.upstreamTimeoutMs,
  });
  const slugCache = openSlugCache({
    ...leasing,
    holding: { ...holding, closer: slugCloser },
    address: config.qrAddress,
    qrCodes: qrCodes.client,
    staleMs: config.staleSlugMs,
    loadTimeoutMs: config.redirectTimeoutMs,
    disabledAccountScans: config.disabledAccountScans,
  });

  const lookups = metrics.counter(
    "cache_lookups",
    "questions that an edge's caches were asked; those not in upstream_items were known",
  );
  for (const [name, cache] of [
    ["key", keyCache],
    ["slug", slugCache],
  ] as const) {
    const left = () => Math.max(0, (cache.leasedUntil() ?? 0) - clock.monotonic()) / 1_000;
    metrics.gauge(`${name}_lease_seconds`, `how long the lease on ${name}s still runs`, left);
  }

  let checking: Promise<unknown> | undefined;
  return {
    peekKey(hash) {
      const answer = keyCache.peek(hash);
      if (answer) lookups({ cache: "keys" });
      return answer;
    },
    resolveKey(hash, wait) {
      lookups({ cache: "keys" });
      return keyCache.get(hash, wait);
    },
    consumeQuota,
    async peek({ accountId, face, limits }, wait) {
      const { perMinute, perDay } = limits;
      const messageLimits = { perMinute: BigInt(perMinute), perDay: BigInt(perDay) };
      const request = { accountId, face: faceNumbers[face], limits: messageLimits };
      const { decision, decideTime } = await quota.client.peekQuota(request, wait);
      if (!decision || !decideTime)
        throw new ServiceError("INTERNAL_ERROR", undefined, { cause: new Error("no decision") });
      return toQuotaDecision(decision, { limits }, Number(decideTime.seconds) * 1_000);
    },
    getQrCode: (accountId, idOrSlug, wait) => getQrCodes({ accountId, idOrSlug }, wait),
    resolveSlug(slug, { timeoutMs }) {
      lookups({ cache: "slugs" });
      return slugCache.get(slug, { timeoutMs: Math.min(timeoutMs, config.redirectTimeoutMs) });
    },
    keys: keys.client,
    accounts: accounts.client,
    sessions: sessions.client,
    invitations: invitations.client,
    mailLinks: mailLinks.client,
    audit: audit.client,
    quota: quota.client,
    qrCodes: qrCodes.client,
    projects: projects.client,
    scans: scans.client,
    symbols: symbols.client,
    scanQueue: openPublisher({ bus, queue: scanQueue }),
    ready(wait) {
      // With the policy open, requests are served without quota.
      const needed = [keys, quota, qrCodes].filter((client) => client !== quota || config.quotaPolicy === "closed");
      checking ??= Promise.all(needed.map((client) => client.serving(wait))).finally(() => {
        checking = undefined;
      });
      return checking;
    },
  };
}
