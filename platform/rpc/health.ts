import { withTimeout } from "../concurrency/timeout.ts";
import type { Clock } from "../process/clock.ts";
import type { Closer } from "../process/closer.ts";
import type { Health } from "../process/health.ts";
import { repeat } from "../process/loop.ts";
import type { Logger } from "../telemetry/log.ts";
import type { RpcServer } from "./server.ts";

const probeMs = 2_000;
const probeTimeoutMs = 2_000;

/** Sets the health of a server and of the process by a periodic probe of their dependencies, until closed. */
export function watchHealth(options: {
  server: RpcServer;
  health: Health;
  probe(): PromiseLike<unknown>;
  clock: Clock;
  closer: Closer;
  log: Logger;
}): void {
  const { clock, log } = options;
  let serving = true;
  async function probe(closing: AbortSignal): Promise<void> {
    const answered = await withTimeout(options.probe(), probeTimeoutMs).then(
      () => true,
      (error) => {
        if (serving) log.warn({ error }, "not serving: the database does not answer");
        return false;
      },
    );
    if (answered && !serving) log.info("serving again");
    serving = answered;
    if (closing.aborted) return;
    options.server.setServing(serving);
    options.health.setServing(serving);
  }
  options.closer.loop("health", (closing) =>
    repeat({ intervalMs: probeMs, closing, clock, log, message: "health could not be set" }, () => probe(closing)),
  );
}
