import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { Clock } from "../../../platform/process/clock.ts";
import type { Closer } from "../../../platform/process/closer.ts";
import { repeat } from "../../../platform/process/loop.ts";
import type { Logger } from "../../../platform/telemetry/log.ts";
import type { Upstreams } from "./clients.ts";

const flushMs = 5_000;
const usesPerCallMax = 1_000;
const timeoutMs = 2_000;
/** Timeout of each call of a closing edge, in ms; the first that fails is the last. */
const lastTimeoutMs = 1_000;

/** Records in memory when keys are used, and sends it to auth every few seconds, so that no request causes a write. */
export function openKeyUsage(options: { keys: Upstreams["keys"]; clock: Clock; closer: Closer; log: Logger }) {
  const { clock, log } = options;
  /** At most one entry for each key in this edge's cache. */
  let uses = new Map<string, number>();

  async function flush(timeoutMs: number): Promise<void> {
    const taken = uses;
    uses = new Map();
    const entries = [...taken];
    while (entries.length > 0) {
      const batch = entries.splice(0, usesPerCallMax);
      try {
        const sent = batch.map(([keyId, usedAt]) => ({ keyId, useTime: timestampFromMs(usedAt) }));
        await options.keys.batchRecordKeyUse({ uses: sent }, { timeoutMs });
      } catch (error) {
        log.warn({ error }, "last uses of keys could not be handed in and will be again");
        for (const [keyId, usedAt] of [...batch, ...entries]) if (!uses.has(keyId)) uses.set(keyId, usedAt);
        return;
      }
    }
  }

  options.closer.loop("key usage", async (closing) => {
    const message = "last uses of keys could not be reported; trying again later";
    await repeat({ intervalMs: flushMs, closing, clock, log, message }, () => flush(timeoutMs));
    await flush(lastTimeoutMs);
  });

  return {
    /** Records that a key is used now. */
    note(keyId: string): void {
      uses.set(keyId, clock.now());
    },
  };
}

export type KeyUsage = ReturnType<typeof openKeyUsage>;
