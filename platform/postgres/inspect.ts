import postgres from "postgres";
import { readDatabaseUrl } from "./database-url.ts";
import { type SignIn, signInOptions } from "./pool.ts";

/** Returns whether a server answers queries now. */
export async function answersQueries(databaseUrl: string): Promise<boolean> {
  return inspectServer({ databaseUrl, databasePassword: "", timeoutMs: 2_000 }).then(
    () => true,
    () => false,
  );
}

/** Facts about a server and the database of its URL. */
export interface ServerFacts {
  /** Major version. */
  version: number;
  /** Whether it is a read-only standby. */
  isStandby: boolean;
  /** Whether the user may create schemas in the database. */
  mayCreate: boolean;
}

/** Connects once and returns facts. Rejects with the driver's error, or with code CONNECT_TIMEOUT after `timeoutMs`. */
export async function inspectServer(options: SignIn & { timeoutMs: number }): Promise<ServerFacts> {
  const { url, options: urlOptions } = readDatabaseUrl(options.databaseUrl);
  const sql = postgres(url, {
    ...signInOptions(options),
    ...urlOptions,
    max: 1,
    connect_timeout: options.timeoutMs / 1_000,
    onnotice: () => {},
  });
  // The driver's own timeout ends with the first byte received, so a server other than Postgres would block forever.
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    reject(Object.assign(new Error(`no answer within ${options.timeoutMs} ms`), { code: "CONNECT_TIMEOUT" }));
  }, options.timeoutMs);
  try {
    const asked = sql<[ServerFacts]>`select current_setting('server_version_num')::int / 10000 as version,
      pg_is_in_recovery() as "isStandby", has_database_privilege(current_database(), 'CREATE') as "mayCreate"`;
    const [facts] = await Promise.race([asked, late]);
    return facts;
  } finally {
    clearTimeout(timer);
    await sql.end({ timeout: 0 });
  }
}
