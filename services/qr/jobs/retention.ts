import type { Clock } from "../../../platform/process/clock.ts";
import type { Closer } from "../../../platform/process/closer.ts";
import { repeat } from "../../../platform/process/loop.ts";
import type { Logger } from "../../../platform/telemetry/log.ts";
import { monthOf } from "../domain/spans.ts";
import type { CodeCountStore } from "../store/code-counts.ts";
import type { IdempotencyStore } from "../store/idempotency.ts";
import type { LogoStore } from "../store/logos.ts";
import type { Retention, ScanStore } from "../store/scans.ts";
import type { VisitorSaltStore } from "../store/visitor-salts.ts";

const roundMs = 60_000;
/** Calls of one round that correct numbers of active codes, so that the work of a round has a bound. */
const correctionsMax = 25;
const message = "a task of retention failed and will be tried again";

/**
 * Creates the months' partitions ahead of time, deletes expired rows and corrects numbers of active codes, some accounts at a
 * time, every minute until closed. Resolves once the current month's partition exists, or could not be created.
 */
export async function startRetention(options: {
  idempotency: Pick<IdempotencyStore, "deleteExpired">;
  logos: Pick<LogoStore, "deleteUnused">;
  codeCounts: Pick<CodeCountStore, "correct">;
  salts: Pick<VisitorSaltStore, "deletePast">;
  scans: Pick<ScanStore, "ensureMonth" | "deleteExpired">;
  retention: Retention;
  clock: Clock;
  closer: Closer;
  log: Logger;
}): Promise<void> {
  const { codeCounts, idempotency, logos, salts, scans, clock, log } = options;
  /** The last account whose number was looked at; the first round after the last account begins anew. */
  let counted = "";
  /** Runs a task; a failure is logged and does not stop the other tasks. */
  const attempt = (what: string, work: () => Promise<unknown>) =>
    work().catch((error) => log.warn({ error, what }, message));

  async function ensureMonths(): Promise<void> {
    const { first, next } = monthOf(clock.now());
    await scans.ensureMonth(first, next);
    await scans.ensureMonth(next, monthOf(next.getTime()).next);
  }
  async function correctCounts(closing: AbortSignal): Promise<void> {
    for (let calls = 0; calls < correctionsMax && !closing.aborted; calls++) {
      const { corrected, next } = await codeCounts.correct(counted);
      if (corrected > 0) log.info({ accounts: corrected }, "numbers of active codes were corrected");
      counted = next ?? "";
      if (next === undefined) return;
    }
  }
  async function tidy(closing: AbortSignal): Promise<void> {
    await attempt("salts", () => salts.deletePast());
    await attempt("scans", () => scans.deleteExpired(options.retention));
    await attempt("answers", async () => {
      while (!closing.aborted && (await idempotency.deleteExpired()));
    });
    await attempt("logos", async () => {
      while (!closing.aborted && (await logos.deleteUnused()));
    });
    await attempt("numbers of codes", () => correctCounts(closing));
  }
  await attempt("months", ensureMonths);
  options.closer.loop("retention", async (closing) => {
    await tidy(closing);
    await repeat({ intervalMs: roundMs, closing, clock, log, message }, async () => {
      await attempt("months", ensureMonths);
      await tidy(closing);
    });
  });
}
