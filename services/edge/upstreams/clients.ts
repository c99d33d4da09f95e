import { randomUUIDv7 } from "node:crypto";
import { AccountService } from "../../../gen/qrforge/auth/v1/account_pb.ts";
import { AuditService } from "../../../gen/qrforge/auth/v1/audit_pb.ts";
import { InvitationService } from "../../../gen/qrforge/auth/v1/invitation_pb.ts";
import { KeyService, KeyVerdict } from "../../../gen/qrforge/auth/v1/key_pb.ts";
import { SessionService } from "../../../gen/qrforge/auth/v1/session_pb.ts";
import { ProjectService } from "../../../gen/qrforge/qr/v1/project_pb.ts";
import { type QrCode, QrCodeService, QrCodeStatus } from "../../../gen/qrforge/qr/v1/qr_code_pb.ts";
import { BatchRecordScansRequestSchema, ScanService } from "../../../gen/qrforge/qr/v1/scan_pb.ts";
import { SymbolService } from "../../../gen/qrforge/qr/v1/symbol_pb.ts";
import { QuotaService } from "../../../gen/qrforge/quota/v1/quota_pb.ts";
import { type Batcher, createBatcher } from "../../../platform/concurrency/batcher.ts";
import { isUnavailable, ServiceError } from "../../../platform/errors.ts";
import { createLeasedCache } from "../../../platform/lease/cache.ts";
import { openHolder } from "../../../platform/lease/service.ts";
import { createBus } from "../../../platform/messaging/bus.ts";
import { openPublisher, type Publisher, queueOf } from "../../../platform/messaging/work-queue.ts";
import { systemClock } from "../../../platform/process/clock.ts";
import type { Closer } from "../../../platform/process/closer.ts";
import type { Config } from "../../../platform/process/config.ts";
import { createRpcClient, type RpcClient } from "../../../platform/rpc/client.ts";
import type { Logger } from "../../../platform/telemetry/log.ts";
import type { Metrics } from "../../../platform/telemetry/metrics.ts";
import type { settings } from "../config.ts";
import type { AccountLimits, QuotaDecision } from "../pipeline/rate-limit-headers.ts";
import { type ConsumeQuota, openQuotaClient, toQuotaDecision } from "./quota-client.ts";

/** What auth says of a key. */
export type KeyAnswer =
  | { verdict: "active"; keyId: string; accountId: string; limits: AccountLimits }
  | { verdict: "unknown" | "revoked" | "account_disabled" };

/** What qr says of a slug. */
export type SlugAnswer = { status: "active"; codeId: string; redirectUrl: string } | { status: "archived" | "unknown" };

interface Wait {
  timeoutMs: number;
}

/** All that the edge asks of the services behind it. Every call fails with a ServiceError, and none outlasts its deadline. */
export interface Upstreams {
  /** What a key, named by the hex of its SHA-256, is good for. */
  /** Returns the answer that is kept of a key, if one is. */
  peekKey(hash: string): KeyAnswer | undefined;
  resolveKey(hash: string, wait: Wait): Promise<KeyAnswer>;
  /** Charges an account, or tells which window has no room. */
  consumeQuota: ConsumeQuota;
  /** Reads both windows of an account and charges nothing. */
  peek(asked: { accountId: string; limits: AccountLimits }, wait: Wait): Promise<QuotaDecision>;
  /** A code by id or slug, if the account has it. */
  getQrCode(accountId: string, idOrSlug: string, wait: Wait): Promise<QrCode | undefined>;
  /** Where a slug leads. */
  resolveSlug(slug: string, wait: Wait): Promise<SlugAnswer>;
  keys: RpcClient<typeof KeyService>;
  accounts: RpcClient<typeof AccountService>;
  sessions: RpcClient<typeof SessionService>;
  invitations: RpcClient<typeof InvitationService>;
  audit: RpcClient<typeof AuditService>;
  quota: RpcClient<typeof QuotaService>;
  qrCodes: RpcClient<typeof QrCodeService>;
  projects: RpcClient<typeof ProjectService>;
  scans: RpcClient<typeof ScanService>;
  symbols: RpcClient<typeof SymbolService>;
  /** Where scans wait for qr. */
  scanQueue: Publisher;
  /** Resolves if every service can be reached. */
  ready(wait: Wait): Promise<void>;
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
  const audit = createRpcClient(AuditService, { address: config.authAddress, tls: config });
  const quota = createRpcClient(QuotaService, { address: config.quotaAddress, tls: config });
  const qrCodes = createRpcClient(QrCodeService, { address: config.qrAddress, tls: config });
  const projects = createRpcClient(ProjectService, { address: config.qrAddress, tls: config });
  const scans = createRpcClient(ScanService, { address: config.qrAddress, tls: config });
  const symbols = createRpcClient(SymbolService, { address: config.qrAddress, tls: config });
  const clients = [keys, accounts, sessions, invitations, audit, quota, qrCodes, projects, scans, symbols];
  closer.defer("rpc clients", () => clients.map((client) => client.close()));

  const batching = {
    batchItemsMax: config.batchItemsMax,
    inFlightMax: config.batchesInFlightMax,
    queuedItemsMax: config.batchQueueMax,
  };
  const batches = metrics.counter("upstream_batches", "batches sent to services, by what they ask");
  const items = metrics.counter("upstream_items", "items in those batches");
  /** A batcher that is counted. */
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
  const resolveKeys = createCountedBatcher<string, KeyAnswer>("keys", async (hashes, wait) => {
    const keyHashes = hashes.map((hash) => Buffer.from(hash, "hex"));
    const { resolutions } = await keys.client.batchResolveKeys({ keyHashes }, wait);
    return resolutions.map(toKeyAnswer);
  });
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
  const resolveSlugs = createCountedBatcher<string, SlugAnswer>("slugs", async (slugs, wait) => {
    const { resolutions } = await qrCodes.client.batchResolveSlugs({ slugs }, wait);
    return resolutions.map(({ status, qrCodeId: codeId, redirectUrl }) => {
      if (status === QrCodeStatus.ACTIVE) return { status: "active", codeId, redirectUrl };
      return { status: status === QrCodeStatus.ARCHIVED ? "archived" : "unknown" };
    });
  });

  const bus = createBus({ url: config.natsUrl, name: "qrforge-edge", log });
  closer.defer("bus", () => bus.close());
  const holding = { tls: config, holder: randomUUIDv7(), bus, renewMs: config.renewMs, closer, log };
  const caching = {
    clock,
    entriesMax: config.cacheEntriesMax,
    negativeLifetimeMs: config.negativeLifetimeMs,
    isUnavailable,
  };
  const keyCache = createLeasedCache<KeyAnswer>({
    ...caching,
    load: resolveKeys,
    leasedUntil: () => keyLease.leasedUntil(),
    isNegative: (answer) => answer.verdict !== "active",
    staleMs: 0,
  });
  const keyLease = openHolder({ ...holding, schema: "auth", address: config.authAddress, cache: keyCache });
  const slugCache = createLeasedCache<SlugAnswer>({
    ...caching,
    load: resolveSlugs,
    leasedUntil: () => slugLease.leasedUntil(),
    isNegative: (answer) => answer.status === "unknown",
    staleMs: config.staleSlugMs,
  });
  const slugLease = openHolder({ ...holding, schema: "qr", address: config.qrAddress, cache: slugCache });

  const lookups = metrics.counter(
    "cache_lookups",
    "questions that an edge's caches were asked; those not in upstream_items were known",
  );
  for (const [name, lease] of [
    ["key", keyLease],
    ["slug", slugLease],
  ] as const) {
    const left = () => Math.max(0, (lease.leasedUntil() ?? 0) - clock.monotonic()) / 1_000;
    metrics.gauge(`${name}_lease_seconds`, `how long the lease on ${name}s still runs`, left);
  }

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
    async peek({ accountId, limits }, wait) {
      const request = { accountId, limits: { perMinute: BigInt(limits.perMinute), perDay: BigInt(limits.perDay) } };
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
    audit: audit.client,
    quota: quota.client,
    qrCodes: qrCodes.client,
    projects: projects.client,
    scans: scans.client,
    symbols: symbols.client,
    scanQueue: openPublisher({
      bus,
      queue: queueOf(BatchRecordScansRequestSchema),
      replicas: config.natsReplicas,
    }),
    async ready(wait) {
      // With the policy open, requests are served without quota.
      const needed = [keys, quota, qrCodes].filter((client) => client !== quota || config.quotaPolicy === "closed");
      await Promise.all(needed.map((client) => client.ready(wait)));
    },
  };
}

/** An answer, or what is wrong with it: one odd answer must not fail its batch. */
function toKeyAnswer(resolution: {
  verdict: KeyVerdict;
  keyId: string;
  accountId: string;
  limits?: { perMinute: bigint; perDay: bigint } | undefined;
}): KeyAnswer | ServiceError {
  switch (resolution.verdict) {
    case KeyVerdict.ACTIVE: {
      const { perMinute = 0n, perDay = 0n } = resolution.limits ?? {};
      const limits = { perMinute: Number(perMinute), perDay: Number(perDay) };
      return { verdict: "active", keyId: resolution.keyId, accountId: resolution.accountId, limits };
    }
    case KeyVerdict.UNKNOWN:
      return { verdict: "unknown" };
    case KeyVerdict.REVOKED:
      return { verdict: "revoked" };
    case KeyVerdict.ACCOUNT_DISABLED:
      return { verdict: "account_disabled" };
    default:
      return new ServiceError("INTERNAL_ERROR", undefined, {
        cause: new Error(`unforeseen verdict ${resolution.verdict}`),
      });
  }
}
