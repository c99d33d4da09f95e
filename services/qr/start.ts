import { createBus } from "../../platform/bus.ts";
import { systemClock } from "../../platform/clock.ts";
import { createCloser } from "../../platform/closer.ts";
import type { Config } from "../../platform/config.ts";
import { openGranter } from "../../platform/lease/service.ts";
import type { Running } from "../../platform/lifecycle.ts";
import type { Logger } from "../../platform/log.ts";
import { watchHealth } from "../../platform/rpc/health.ts";
import { createRpcServer } from "../../platform/rpc/server.ts";
import { openDatabase } from "../../platform/sql.ts";
import type { settings } from "./config.ts";
import { createQrService } from "./service.ts";
import { createStore } from "./store.ts";

export async function start(config: Config<typeof settings>, log: Logger): Promise<Running> {
  const closer = createCloser(log);
  const migrations = new URL("migrations/", import.meta.url);
  const sql = await openDatabase({ ...config, schema: "qr", migrations, log });
  closer.defer("sql", () => sql.end({ timeout: 2 }));
  const bus = createBus({ url: config.natsUrl, name: "qrforge-qr", log });
  closer.defer("bus", () => bus.close());
  const { granter, implementation, hint } = openGranter({ schema: "qr", sql, bus, times: config, closer, log });

  const server = await createRpcServer({
    ...config,
    log,
    implementations: [
      ...createQrService({
        store: createStore(sql),
        shortUrlBase: config.shortUrlBase,
        propagate: granter.propagate,
        hintSlug: hint,
      }),
      implementation,
    ],
  });
  closer.defer("server", () => server.close());
  watchHealth({ server, probe: () => sql`select 1`, clock: systemClock, closer, log });
  return { address: server.address, close: () => closer.close() };
}
