/** `npm run generate` writes docs/settings.md with it: every setting of every process, out of the code that reads it. */
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { settings as migrateSettings } from "../cli/migrate.ts";
import { operatorSettings, root } from "../cli/settings.ts";
import type { Settings } from "../platform/process/config.ts";
import { settings as auth } from "../services/auth/config.ts";
import { settings as edge } from "../services/edge/config.ts";
import { settings as qr } from "../services/qr/config.ts";
import { settings as quota } from "../services/quota/config.ts";

export const settingsFile = path.join(root, "docs", "settings.md");

/** What each service reads. */
export const serviceSettings: Record<string, Settings> = { auth, quota, qr, edge };
const names = Object.keys(serviceSettings);

/** A row of the table: settings that several services share stand once. */
interface Row {
  env: string;
  meaning: string;
  secret: boolean;
  /** By service, as its text; undefined if it must be set. */
  defaults: Map<string, string | undefined>;
}

function rowsOf(all: Record<string, Settings>): Row[] {
  const rows = new Map<string, Row>();
  for (const [name, settings] of Object.entries(all)) {
    for (const { env, meaning, default: fallback, secret } of Object.values(settings)) {
      const key = `${env} ${meaning}`;
      const row = rows.get(key) ?? { env, meaning, secret: secret ?? false, defaults: new Map() };
      row.defaults.set(name, fallback);
      rows.set(key, row);
    }
  }
  return [...rows.values()].sort((one, other) => one.env.localeCompare(other.env));
}

/** The cells of a row: the variable, its meaning, its default, who reads it. */
function cellsOf({ env, meaning, secret, defaults }: Row): string[] {
  const values = [...new Set(defaults.values())];
  const show = (value: string | undefined) => (value === undefined ? "required" : value === "" ? "" : `\`${value}\``);
  const fallback =
    values.length === 1 ? show(values[0]) : [...defaults].map(([name, value]) => `${show(value)} (${name})`).join(", ");
  const users = defaults.size === names.length ? "all" : [...defaults.keys()].join(", ");
  return [`\`${env}\`${secret ? " ¹" : ""}`, meaning.replaceAll("|", "\\|"), fallback, users];
}

/** The page, in Markdown. */
export function describeSettings(): string {
  const line = (cells: string[]) => `| ${cells.join(" | ")} |`;
  const head = ["variable", "meaning", "default", "read by"];
  const table = (columns: number, rows: Row[]) =>
    [head, head.map(() => "---"), ...rows.map(cellsOf)].map((cells) => line(cells.slice(0, columns))).join("\n");
  const migrate = rowsOf({ migrate: migrateSettings }).map(({ env }) => `\`${env}\``);
  return `# Settings

Made by \`npm run generate\` out of the code that reads them. All are environment variables; a process that finds one at
fault names every problem and does not start. An empty variable counts as unset.

¹ May also be read from a file, whose path is in the variable of this name with \`_FILE\` behind: \`DATABASE_PASSWORD_FILE\`.
Node's own variables work as well, among them \`NODE_EXTRA_CA_CERTS\` for the authorities of a database's or a NATS
server's certificate.

## Services

${table(4, rowsOf(serviceSettings))}

## Tools

\`npm start\`, \`npm run admin\`, \`doctor\`, \`backup\`, \`restore\` and \`seed\` read:

${table(3, rowsOf({ tools: operatorSettings }))}

\`npm run migrate\` reads ${migrate.join(", ")} as the services do. \`npm run seed\` reads
\`SCAN_DAYS\` as qr does, so that it writes the single scans that are kept and no others.
`;
}

if (import.meta.main) await writeFile(settingsFile, describeSettings());
