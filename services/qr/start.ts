import { createBus } from "../../platform/bus.ts";
import type { Config } from "../../platform/config.ts";
import { createCloser, type Running } from "../../platform/lifecycle.ts";
import type { Logger } from "../../platform/log.ts";
import { createRpcServer } from "../../platform/rpc/server.ts";
import { openDatabase } from "../../platform/sql.ts";
import type { settings } from "./config.ts";
import { createQrService } from "./service.ts";
import { createStore } from "./store.ts";

/** On this subject travel slugs whose answers have changed. */
const forgetSubject = "qrforge.qr.forget";

export async function start(config: Config<typeof settings>, log: Logger): Promise<Running> {
  const closer = createCloser(log);
  const migrations = new URL("migrations/", import.meta.url);
  const sql = await openDatabase({ ...config, schema: "qr", migrations, log });
  closer.defer("sql", () => sql.end());
  const bus = createBus({ url: config.natsUrl, name: "qrforge-qr", log });
  closer.defer("bus", () => bus.close());

  const server = await createRpcServer({
    ...config,
    log,
    implementations: createQrService({
      store: createStore(sql),
      shortUrlBase: config.shortUrlBase,
      forgetSlug: (slug) => bus.publish(forgetSubject, Buffer.from(slug)),
    }),
  });
  closer.defer("server", () => server.close());
  return { address: server.address, close: () => closer.close() };
}
