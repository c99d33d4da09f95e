import postgres from "postgres";
import { passwordOption } from "./pool.ts";

/** Whether a server answers queries at this moment. */
export async function answersQueries(databaseUrl: string): Promise<boolean> {
  return inspectServer({ databaseUrl, databasePassword: "", timeoutMs: 2_000 }).then(
    () => true,
    () => false,
  );
}

/** What a server says of itself and of the database of its URL. */
export interface ServerFacts {
  /** The major version. */
  version: number;
  /** Whether it is a standby, which takes no changes. */
  isStandby: boolean;
  /** Whether the user may make schemas in the database. */
  mayCreate: boolean;
}

/** Connects once and asks. Rejects with the driver's error, or with one whose code is CONNECT_TIMEOUT after `timeoutMs`. */
export async function inspectServer(options: {
  databaseUrl: string;
  /** Used where the URL holds none. */
  databasePassword: string;
  timeoutMs: number;
}): Promise<ServerFacts> {
  const sql = postgres(options.databaseUrl, {
    ...passwordOption(options),
    max: 1,
    connect_timeout: options.timeoutMs / 1_000,
    onnotice: () => {},
  });
  // The driver's own timeout ends with the first byte that arrives: what is no Postgres would be waited for without end.
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
