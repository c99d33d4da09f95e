import type { Clock } from "../../../platform/process/clock.ts";
import type { Closer } from "../../../platform/process/closer.ts";
import { repeat } from "../../../platform/process/loop.ts";
import type { Logger } from "../../../platform/telemetry/log.ts";
import { monthOf } from "../domain/spans.ts";
import type { IdempotencyStore } from "../store/idempotency.ts";
import type { LogoStore } from "../store/logos.ts";
import type { Retention, ScanStore } from "../store/scans.ts";
import type { VisitorSaltStore } from "../store/visitor-salts.ts";

const roundMs = 60_000;
const message = "a task of retention failed and will be tried again";

/**
 * Creates the months' partitions ahead of time and deletes expired rows, every minute until closed. Resolves once the
 * current month's partition exists, or could not be created.
 */
export async function startRetention(options: {
  idempotency: Pick<IdempotencyStore, "deleteExpired">;
  logos: Pick<LogoStore, "deleteUnused">;
  salts: Pick<VisitorSaltStore, "deletePast">;
  scans: Pick<ScanStore, "ensureMonth" | "deleteExpired">;
  retention: Retention;
  clock: Clock;
  closer: Closer;
  log: Logger;
}): Promise<void> {
  const { idempotency, logos, salts, scans, clock, log } = options;
  /** Runs a task; a failure is logged and does not stop the other tasks. */
  const attempt = (what: string, work: () => Promise<unknown>) =>
    work().catch((error) => log.warn({ error, what }, message));

  async function ensureMonths(): Promise<void> {
    const { first, next } = monthOf(clock.now());
    await scans.ensureMonth(first, next);
    await scans.ensureMonth(next, monthOf(next.getTime()).next);
  }
  async function deleteExpired(closing: AbortSignal): Promise<void> {
    await attempt("salts", () => salts.deletePast());
    await attempt("scans", () => scans.deleteExpired(options.retention));
    await attempt("answers", async () => {
      while (!closing.aborted && (await idempotency.deleteExpired()));
    });
    await attempt("logos", async () => {
      while (!closing.aborted && (await logos.deleteUnused()));
    });
  }
  await attempt("months", ensureMonths);
  options.closer.loop("retention", async (closing) => {
    await deleteExpired(closing);
    await repeat({ intervalMs: roundMs, closing, clock, log, message }, async () => {
      await attempt("months", ensureMonths);
      await deleteExpired(closing);
    });
  });
}
