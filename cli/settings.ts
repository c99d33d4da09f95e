import path from "node:path";
import { busSettings, integer, text, url } from "../platform/config.ts";

/** The root of the project. */
export const root = path.resolve(import.meta.dirname, "..");

/** What the launcher and the operator's command read. */
export const settings = {
  port: integer("QRFORGE_PORT", "the first edge's port; the next edges follow. 0 is any free one", 8080, {
    max: 65_000,
  }),
  dataDir: text("QRFORGE_DATA_DIR", "where everything is kept", ".qrforge"),
  toolsDir: text(
    "QRFORGE_TOOLS_DIR",
    "where a fetched nats-server is kept, for all data directories",
    path.join(".qrforge", "tools"),
  ),
  databaseUrl: url("DATABASE_URL", "a Postgres of your own", ["postgres", "postgresql"], ""),
  natsUrl: { ...busSettings.natsUrl, meaning: "a NATS server of your own" },
};
