import { accountOfKey } from "../../../contracts/lease-key.ts";
import { locationOf } from "../../../contracts/redirect-url.ts";
import { type QrCodeService, QrCodeStatus, type SlugResolution } from "../../../gen/qrforge/qr/v1/qr_code_pb.ts";
import { createLeasedCache } from "../../../platform/lease/cache.ts";
import { openHolder } from "../../../platform/lease/service.ts";
import type { RpcClient } from "../../../platform/rpc/client.ts";
import type { LeasedOptions } from "./leased.ts";

/** Result of a slug's look-up in qr. */
export type SlugAnswer =
  | { status: "active"; accountId: string; codeId: string; location: string }
  | { status: "archived" | "taken-down"; accountId: string }
  | { status: "unknown" };

export interface SlugCacheOptions extends LeasedOptions {
  qrCodes: RpcClient<typeof QrCodeService>;
  staleMs: number;
  /** What scans of a disabled account's codes get: a page with status 410, or a redirect. */
  disabledAccountScans: "gone" | "redirect";
}

/**
 * Opens the cache of slugs. Its entries are valid as long as qr's lease, and for `staleMs` longer while qr is unavailable.
 */
export function openSlugCache(options: SlugCacheOptions) {
  const cache = createLeasedCache<SlugAnswer>({
    ...options.caching,
    load: options.createBatcher<string, SlugAnswer>("slugs", async (slugs, wait) => {
      const { resolutions } = await options.qrCodes.batchResolveSlugs({ slugs }, wait);
      return resolutions.map((resolution) => toSlugAnswer(resolution, options.disabledAccountScans));
    }),
    leasedUntil: () => lease.leasedUntil(),
    isNegative: (answer) => answer.status === "unknown",
    groupOf: (answer) => (answer.status === "unknown" ? undefined : answer.accountId),
    staleMs: options.staleMs,
    loadTimeoutMs: options.loadTimeoutMs,
  });
  const guarded = {
    reset: cache.reset,
    /** Evicts what entries of qr's log name: a slug each, or all slugs of an account. */
    forget(keys: string[]) {
      for (const key of keys) {
        const accountId = accountOfKey(key);
        if (accountId === undefined) cache.forget([key]);
        else cache.forgetGroup(accountId);
      }
    },
  };
  const lease = openHolder({ ...options.holding, schema: "qr", address: options.address, cache: guarded });
  return { get: cache.get, leasedUntil: lease.leasedUntil };
}

/** Converts qr's answer about a slug. */
export function toSlugAnswer(
  resolution: Pick<
    SlugResolution,
    "status" | "accountId" | "qrCodeId" | "redirectUrl" | "takenDown" | "accountDisabled"
  >,
  ofDisabled: SlugCacheOptions["disabledAccountScans"],
): SlugAnswer {
  const { status, accountId, qrCodeId: codeId, redirectUrl } = resolution;
  if (status === QrCodeStatus.UNSPECIFIED) return { status: "unknown" };
  const isTakenDown = resolution.takenDown || (resolution.accountDisabled && ofDisabled === "gone");
  if (isTakenDown) return { status: "taken-down", accountId };
  return status === QrCodeStatus.ACTIVE
    ? { status: "active", accountId, codeId, location: locationOf(redirectUrl) }
    : { status: "archived", accountId };
}
