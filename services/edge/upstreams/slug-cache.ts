import { type QrCodeService, QrCodeStatus } from "../../../gen/qrforge/qr/v1/qr_code_pb.ts";
import { createLeasedCache } from "../../../platform/lease/cache.ts";
import { openHolder } from "../../../platform/lease/service.ts";
import type { RpcClient } from "../../../platform/rpc/client.ts";
import type { LeasedOptions } from "./leased.ts";

/** Result of a slug's look-up in qr. */
export type SlugAnswer = { status: "active"; codeId: string; redirectUrl: string } | { status: "archived" | "unknown" };

/**
 * Opens the cache of slugs. Its entries are valid as long as qr's lease, and for `staleMs` longer while qr is unavailable.
 */
export function openSlugCache(options: LeasedOptions & { qrCodes: RpcClient<typeof QrCodeService>; staleMs: number }) {
  const cache = createLeasedCache<SlugAnswer>({
    ...options.caching,
    load: options.createBatcher<string, SlugAnswer>("slugs", async (slugs, wait) => {
      const { resolutions } = await options.qrCodes.batchResolveSlugs({ slugs }, wait);
      return resolutions.map(({ status, qrCodeId: codeId, redirectUrl }) => {
        if (status === QrCodeStatus.ACTIVE) return { status: "active", codeId, redirectUrl };
        return { status: status === QrCodeStatus.ARCHIVED ? "archived" : "unknown" };
      });
    }),
    leasedUntil: () => lease.leasedUntil(),
    isNegative: (answer) => answer.status === "unknown",
    staleMs: options.staleMs,
    loadTimeoutMs: options.loadTimeoutMs,
  });
  const lease = openHolder({ ...options.holding, schema: "qr", address: options.address, cache });
  return { get: cache.get, leasedUntil: lease.leasedUntil };
}
