/** Connects to the servers of DATABASE_URL and NATS_URL before anything is started, so that a mistake in a URL shows at once. */

import { UserError } from "../cli/errors.ts";
import { inspectBus } from "../platform/messaging/bus.ts";
import { inspectServer, type ServerFacts } from "../platform/postgres/inspect.ts";

const timeoutMs = 5_000;
const postgresMin = 16;

/** Returns the hosts and ports of a URL with one host or several, without secrets. */
export function hostsOf(url: string, defaultPort: number): string {
  const [, hosts = ""] = /^[^/]*\/\/(?:[^@/]*@)?([^/?]*)/.exec(url) ?? [];
  const withPort = (host: string) => (/:\d+$/.test(host) ? host : `${host}:${defaultPort}`);
  return hosts.split(",").map(withPort).join(", ");
}

/** Returns the description of a connection error by its code; `setting` is the variable that contains the URL. */
function networkFault(code: string, where: string, setting: string): string | undefined {
  if (code === "ENOTFOUND" || code === "EAI_AGAIN") {
    return `no address is known for ${where}. Correct the host in ${setting}, or look whether the network is up`;
  }
  if (code === "ECONNREFUSED" || code === "CONNECTION_REFUSED") {
    return `nothing listens at ${where}. Start it there, or correct host and port in ${setting}`;
  }
  if (["CONNECT_TIMEOUT", "ETIMEDOUT", "EHOSTUNREACH", "ENETUNREACH", "TIMEOUT", "CONNECTION_TIMEOUT"].includes(code)) {
    return `${where} gave no answer within ${timeoutMs / 1_000} s. Look whether a firewall is in between, and correct host and port in ${setting}`;
  }
  if (/CERT|SELF_SIGNED|UNABLE_TO_/.test(code)) {
    return `the certificate of ${where} is not trusted (${code}). Name its authority's file in NODE_EXTRA_CA_CERTS, or the host as the certificate has it`;
  }
  return undefined;
}

/** Returns in a sentence why a database cannot be used and what to change. Never repeats the URL, which may hold a password. */
export function databaseFault(error: unknown, databaseUrl: string): string {
  const { code = "", message } = error as { code?: string; message: string };
  const where = hostsOf(databaseUrl, 5432);
  const name = /^[^/]*\/\/[^/]*\/([^?]*)/.exec(databaseUrl)?.[1] || "of the user's name";
  const fault = networkFault(code, where, "DATABASE_URL");
  if (fault) return fault;
  if (code === "28P01") return `${where} refuses the user or the password. Correct them in DATABASE_URL`;
  if (code === "3D000") return `${where} has no database ${name}. Create it, or name another in DATABASE_URL`;
  if (code === "28000" && /no encryption|SSL off/i.test(message)) {
    return `${where} wants TLS. Add ?sslmode=require to DATABASE_URL (or sslmode=verify-full)`;
  }
  if (code === "28000")
    return `${where} lets this user in neither from here nor so: ${message}. Change its pg_hba.conf, or DATABASE_URL`;
  if (code === "ECONNRESET" && /TLS/.test(message)) {
    return `${where} speaks no TLS. Take sslmode out of DATABASE_URL, or turn TLS on there`;
  }
  if (code === "53300") return `${where} has no connection left: ${message}. Raise its max_connections`;
  return `${where}: ${message}${code ? ` (${code})` : ""}. Correct DATABASE_URL`;
}

/** Returns the fault of a server that answers; undefined if it can be used. */
export function serverFault({ version, isStandby, mayCreate }: ServerFacts, where: string): string | undefined {
  if (version < postgresMin) return `${where} is Postgres ${version}; Postgres ${postgresMin} or newer is needed`;
  if (isStandby) {
    return `${where} is a standby, which takes no changes. Name all hosts in DATABASE_URL, with ?target_session_attrs=read-write`;
  }
  if (!mayCreate)
    return `the user of DATABASE_URL may not make schemas in ${where}. Run there: grant create on database ... to ...`;
  return undefined;
}

/** Returns in a sentence why NATS cannot be used and what to change. */
export function natsFault(error: unknown, natsUrl: string): string {
  const { code = "", message } = error as { code?: string; message: string };
  const where = hostsOf(natsUrl, 4222);
  const fault = networkFault(code, where, "NATS_URL");
  if (fault) return fault;
  if (code === "AUTHORIZATION_VIOLATION" || code.startsWith("BAD_AUTH")) {
    return `${where} refuses the user or the password. Correct them in NATS_URL: nats://USER:PASSWORD@HOST:PORT`;
  }
  if (code === "SERVER_OPT_NA") return `${where} speaks no TLS. Begin NATS_URL with nats:// in place of tls://`;
  return `${where}: ${message}${code && code !== message ? ` (${code})` : ""}. Correct NATS_URL`;
}

/** Tries the database once. Throws a UserError that says what to change. */
export async function tryDatabase(databaseUrl: string, databasePassword: string): Promise<void> {
  const facts = await inspectServer({ databaseUrl, databasePassword, timeoutMs }).catch((error) => {
    throw new UserError(`Postgres cannot be used: ${databaseFault(error, databaseUrl)}.`, { cause: error });
  });
  const fault = serverFault(facts, hostsOf(databaseUrl, 5432));
  if (fault) throw new UserError(`Postgres cannot be used: ${fault}.`);
}

/** Tries NATS once. Throws a UserError that says what to change. */
export async function tryNats(natsUrl: string, password: string, report: (text: string) => void): Promise<void> {
  const { hasJetStream } = await inspectBus({ url: natsUrl, password, client: "operator" }, timeoutMs).catch(
    (error) => {
      throw new UserError(`NATS cannot be used: ${natsFault(error, natsUrl)}.`, { cause: error });
    },
  );
  if (!hasJetStream)
    report("NATS has no JetStream: scans wait in memory only. Start nats-server with -js to keep them.");
}
