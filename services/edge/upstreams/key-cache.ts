import type { Limits } from "../../../contracts/quota-rule.ts";
import { type KeyService, KeyVerdict } from "../../../gen/qrforge/auth/v1/key_pb.ts";
import { ServiceError } from "../../../platform/errors.ts";
import { createLeasedCache } from "../../../platform/lease/cache.ts";
import { openHolder } from "../../../platform/lease/service.ts";
import type { RpcClient } from "../../../platform/rpc/client.ts";
import type { LeasedOptions } from "./leased.ts";

/** Result of a key's verification by auth. */
export type KeyAnswer =
  | { verdict: "active"; keyId: string; accountId: string; limits: Limits; activeCodesMax: bigint }
  | { verdict: "unknown" | "revoked" | "account_disabled" };

/** Opens the cache of keys, by the hex of their SHA-256. Its entries are valid as long as auth's lease. */
export function openKeyCache(options: LeasedOptions & { keys: RpcClient<typeof KeyService> }) {
  const cache = createLeasedCache<KeyAnswer>({
    ...options.caching,
    load: options.createBatcher<string, KeyAnswer>("keys", async (hashes, wait) => {
      const keyHashes = hashes.map((hash) => Buffer.from(hash, "hex"));
      const { resolutions } = await options.keys.batchResolveKeys({ keyHashes }, wait);
      return resolutions.map(toKeyAnswer);
    }),
    leasedUntil: () => lease.leasedUntil(),
    isNegative: (answer) => answer.verdict !== "active",
    staleMs: 0,
    loadTimeoutMs: options.loadTimeoutMs,
  });
  const lease = openHolder({ ...options.holding, schema: "auth", address: options.address, cache });
  return { peek: cache.peek, get: cache.get, leasedUntil: lease.leasedUntil };
}

/** Returns a result, or an error as a value, so that one unknown verdict does not fail the whole batch. */
function toKeyAnswer(resolution: {
  verdict: KeyVerdict;
  keyId: string;
  accountId: string;
  limits?: { perMinute: bigint; perDay: bigint } | undefined;
  activeCodesMax: bigint;
}): KeyAnswer | ServiceError {
  switch (resolution.verdict) {
    case KeyVerdict.ACTIVE: {
      const { perMinute = 0n, perDay = 0n } = resolution.limits ?? {};
      const limits = { perMinute: Number(perMinute), perDay: Number(perDay) };
      const { keyId, accountId, activeCodesMax } = resolution;
      return { verdict: "active", keyId, accountId, limits, activeCodesMax };
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
