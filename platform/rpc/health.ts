import type { Clock } from "../process/clock.ts";
import type { Closer } from "../process/closer.ts";
import type { Health } from "../process/health.ts";
import type { Logger } from "../telemetry/log.ts";
import type { RpcServer } from "./server.ts";

const probeMs = 2_000;

/** Has a server, and the process as a whole, tell whether what it depends on answers, from now on until closed. */
export function watchHealth(options: {
  server: RpcServer;
  health: Health;
  probe(): Promise<unknown>;
  clock: Clock;
  closer: Closer;
  log: Logger;
}): void {
  async function run(closing: AbortSignal): Promise<void> {
    let serving = true;
    while (!closing.aborted) {
      await options.clock.sleep(probeMs, closing);
      if (closing.aborted) return;
      const answered = await options.probe().then(
        () => true,
        (error) => {
          if (serving) options.log.warn({ error }, "not serving: the database does not answer");
          return false;
        },
      );
      if (answered && !serving) options.log.info("serving again");
      serving = answered;
      if (closing.aborted) return;
      options.server.setServing(serving);
      options.health.setServing(serving);
    }
  }
  options.closer.loop("health", run);
}
