import { systemClock } from "../../platform/clock.ts";
import type { Config } from "../../platform/config.ts";
import { createCloser, type Running } from "../../platform/lifecycle.ts";
import type { Logger } from "../../platform/log.ts";
import { watchHealth } from "../../platform/rpc/health.ts";
import { createRpcServer } from "../../platform/rpc/server.ts";
import { openDatabase } from "../../platform/sql.ts";
import { createCharger } from "./charger.ts";
import type { settings } from "./config.ts";
import { createQuotaService } from "./service.ts";
import { createStore } from "./store.ts";

export async function start(config: Config<typeof settings>, log: Logger): Promise<Running> {
  const closer = createCloser(log);
  const migrations = new URL("migrations/", import.meta.url);
  const sql = await openDatabase({ ...config, schema: "quota", migrations, log });
  closer.defer("sql", () => sql.end({ timeout: 2 }));

  const store = createStore(sql);
  const server = await createRpcServer({
    ...config,
    log,
    implementations: createQuotaService({ store, charge: createCharger({ ...config, store, clock: systemClock }) }),
  });
  closer.defer("server", () => server.close());
  watchHealth({ server, probe: () => sql`select 1`, clock: systemClock, closer, log });
  return { address: server.address, close: () => closer.close() };
}
