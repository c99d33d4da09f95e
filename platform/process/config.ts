import { readFileSync } from "node:fs";
import { readDatabaseUrl } from "../postgres/database-url.ts";

/** A setting: an environment variable with its meaning, default and parser. */
export interface Setting<T> {
  env: string;
  /** Meaning with its unit; printed in errors and in the documentation. */
  meaning: string;
  /** Text used for an unset variable; undefined makes the setting required. */
  default: string | undefined;
  /** Whether it is a secret, which may also be read from the file named by the variable with the suffix `_FILE`. */
  secret?: boolean;
  /** Returns the value of a text; throws an Error that says what is valid. */
  parse(text: string): T;
}

export type Settings = Record<string, Setting<unknown>>;

/** Values of a set of settings. */
export type Config<S extends Settings> = { [K in keyof S]: S[K] extends Setting<infer T> ? T : never };

/** Lists each invalid setting on a line. */
export class ConfigError extends Error {
  constructor(problems: string[]) {
    super(problems.join("\n"));
    this.name = "ConfigError";
  }
}

/** Reads all settings; throws one ConfigError that lists all problems. An empty variable counts as unset. */
export function loadConfig<S extends Settings>(settings: S, env: NodeJS.ProcessEnv = process.env): Config<S> {
  const problems: string[] = [];
  const config: Record<string, unknown> = {};
  for (const [name, setting] of Object.entries(settings)) {
    try {
      const text = env[setting.env] || readSecret(setting, env) || setting.default;
      if (text === undefined) problems.push(`${setting.env} must be set: ${setting.meaning}`);
      else config[name] = setting.parse(text);
    } catch (error) {
      problems.push(`${setting.env}: ${messageOf(error)} (${setting.meaning})`);
    }
  }
  if (problems.length > 0) throw new ConfigError(problems);
  // Each setting has put its own value in, which the loop over all of them cannot say.
  return config as Config<S>;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Returns the content of a secret's file without the final line break; undefined if no file is named. */
function readSecret(setting: Setting<unknown>, env: NodeJS.ProcessEnv): string | undefined {
  const file = setting.secret && env[`${setting.env}_FILE`];
  if (!file) return undefined;
  try {
    return readFileSync(file, "utf8").replace(/\r?\n$/, "");
  } catch (error) {
    throw new Error(`${setting.env}_FILE cannot be read: ${messageOf(error)}`);
  }
}

/** Returns a setting of any text. */
export function text(env: string, meaning: string, fallback?: string): Setting<string> {
  return { env, meaning, default: fallback, parse: (value) => value };
}

/** Returns a setting of an integer within bounds. */
export function integer(
  env: string,
  meaning: string,
  fallback: number,
  { min = 0, max = Number.MAX_SAFE_INTEGER } = {},
): Setting<number> {
  return {
    env,
    meaning,
    default: String(fallback),
    parse(value) {
      const number = Number(value);
      if (!/^-?\d+$/.test(value) || number < min || number > max) {
        throw new Error(`must be a whole number from ${min} to ${max}, not "${value}"`);
      }
      return number;
    },
  };
}

/** Returns a setting of one of several words. */
export function choice<const T extends string>(
  env: string,
  meaning: string,
  options: readonly T[],
  fallback: T,
): Setting<T> {
  return {
    env,
    meaning,
    default: fallback,
    parse(value) {
      const found = options.find((option) => option === value);
      if (found === undefined) throw new Error(`must be one of ${options.join(", ")}, not "${value}"`);
      return found;
    },
  };
}

/** Returns a setting of a secret text. */
export function secret(env: string, meaning: string): Setting<string> {
  return { ...text(env, meaning, ""), secret: true };
}

/** Returns a setting of a URL with one of the schemes, as text. */
export function url(env: string, meaning: string, schemes: string[], fallback?: string): Setting<string> {
  return {
    env,
    meaning,
    default: fallback,
    parse(value) {
      if (value === "") return value;
      if (!URL.canParse(value) || !schemes.includes(new URL(value).protocol.slice(0, -1))) {
        throw new Error(`must be a URL that begins with ${schemes.map((scheme) => `${scheme}://`).join(" or ")}`);
      }
      return value.replace(/\/$/, "");
    },
  };
}

/**
 * Returns a setting of several equal servers as one URL: `scheme://user:password@host:port,host:port/path`. It may hold a
 * password, so it is a secret and errors do not repeat it.
 */
export function servers(env: string, meaning: string, schemes: string[], fallback?: string): Setting<string> {
  const { parse } = url(env, meaning, schemes);
  return {
    env,
    meaning: `${meaning}; several as host:port,host:port in one URL`,
    default: fallback,
    secret: true,
    parse(value) {
      const parts = /^([^/]*\/\/(?:[^@/]*@)?)([^/?]*)(.*)$/s.exec(value);
      if (!parts) return parse(value);
      const [, head = "", hosts = "", tail = ""] = parts;
      for (const host of hosts.split(",")) parse(`${head}${host}${tail}`);
      return value.replace(/\/$/, "");
    },
  };
}

/** Returns a setting of a Postgres database's URL, whose parameters are read at once, so that a wrong one ends the start. */
export function databaseUrl(env: string, meaning: string, fallback?: string): Setting<string> {
  const setting = servers(env, meaning, ["postgres", "postgresql"], fallback);
  return {
    ...setting,
    parse(value) {
      const url = setting.parse(value);
      readDatabaseUrl(url);
      return url;
    },
  };
}

/** Returns a setting of a listen address, `host:port`; port 0 chooses a free port. */
export function listenAddress(env: string, meaning: string, fallback: string): Setting<{ host: string; port: number }> {
  return {
    env,
    meaning,
    default: fallback,
    parse(value) {
      const [, host, port] = /^(\[[0-9a-f:]+\]|[^:]+):(\d{1,5})$/i.exec(value) ?? [];
      if (host === undefined || Number(port) > 65_535) throw new Error(`must be host:port, not "${value}"`);
      return { host: host.replace(/^\[|\]$/g, ""), port: Number(port) };
    },
  };
}

/** Returns an optional setting, which is undefined if unset. */
export function optional<T>(setting: Setting<T>): Setting<T | undefined> {
  return { ...setting, default: "", parse: (value) => (value === "" ? undefined : setting.parse(value)) };
}

/** Settings of every service. */
export const commonSettings = {
  logLevel: choice("LOG_LEVEL", "the least severe log lines to write", ["debug", "info", "warn", "error"], "info"),
  healthListen: optional(
    listenAddress(
      "HEALTH_LISTEN_ADDRESS",
      "where grpc.health.v1 alone is served, in clear text for probes, host:port; unset, nowhere",
      "",
    ),
  ),
  drainMs: integer("DRAIN_MS", "how long a stopping process may take to finish what it has begun, in ms", 10_000),
};

/** Settings of every service with a database. */
export const databaseSettings = {
  databaseUrl: databaseUrl("DATABASE_URL", "the Postgres database"),
  databasePassword: secret("DATABASE_PASSWORD", "the password, where DATABASE_URL holds none"),
  migrations: choice(
    "MIGRATIONS",
    "whether a starting service creates its tables (apply), or only waits until they exist; with a role of its own it waits",
    ["apply", "check"],
    "apply",
  ),
  databasePoolSize: integer("DATABASE_POOL_SIZE", "maximum number of database connections of one process", 10, {
    min: 1,
    max: 1000,
  }),
  databaseConnectTimeoutMs: integer(
    "DATABASE_CONNECT_TIMEOUT_MS",
    "the longest a connection to the database may take to be made, in ms",
    2_000,
    { min: 1 },
  ),
  statementTimeoutMs: integer(
    "STATEMENT_TIMEOUT_MS",
    "the longest a single SQL statement may run, in ms; a connection without an answer for a second longer is destroyed",
    3_000,
    { min: 1 },
  ),
};

/** Password of the role of each service with a schema; `npm run migrate` reads all of them. */
export const rolePasswordSettings = {
  auth: rolePassword("auth"),
  quota: rolePassword("quota"),
  qr: rolePassword("qr"),
};

function rolePassword(schema: string): Setting<string> {
  const meaning = `password of the role qrforge_${schema}, as which ${schema} then signs in; unset, it is the user of DATABASE_URL`;
  return secret(`${schema.toUpperCase()}_DATABASE_PASSWORD`, meaning);
}

/** Settings of every service on the bus. */
export const busSettings = {
  natsUrl: servers("NATS_URL", "the NATS server; unset, changes reach caches a little later", ["nats", "tls"], ""),
  natsPassword: secret(
    "NATS_PASSWORD",
    "password of this process's NATS user (qrforge_auth, qrforge_qr, qrforge_edge, or qrforge_operator for tools), where NATS_URL holds no credentials",
  ),
};

/** Settings of those who make or check a queue on NATS. */
export const queueSettings = {
  natsReplicas: integer("NATS_REPLICAS", "NATS servers that keep each message of a queue", 1, { min: 1, max: 5 }),
};
