import type { Batcher } from "../../../platform/concurrency/batcher.ts";
import type { createLeasedCache } from "../../../platform/lease/cache.ts";
import type { openHolder } from "../../../platform/lease/service.ts";

/** Creates a batcher whose batches are counted under `kind`. */
type CreateBatcher = <Item, Result>(
  kind: string,
  send: (items: Item[], wait: { timeoutMs: number }) => Promise<(Result | Error)[]>,
) => Batcher<Item, Result>;

/** Options that the caches of keys and slugs share. */
export interface LeasedOptions {
  createBatcher: CreateBatcher;
  caching: Pick<
    Parameters<typeof createLeasedCache>[0],
    "clock" | "entriesMax" | "negativeLifetimeMs" | "isUnavailable"
  >;
  holding: Omit<Parameters<typeof openHolder>[0], "schema" | "address" | "cache">;
  /** Timeout of a load that requests share, in ms. */
  loadTimeoutMs: number;
  /** The address of the service that grants the lease. */
  address: string;
}
