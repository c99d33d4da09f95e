import { readFileSync } from "node:fs";
import { isIP } from "node:net";
import { type ConnectionOptions, checkServerIdentity, type PeerCertificate } from "node:tls";

/** Options of the driver that a URL's parameters stand for. */
export interface DriverOptions {
  ssl?: false | "allow" | "prefer" | "require" | ConnectionOptions;
  prepare?: false;
}

const sslModes = ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"] as const;

/** What the driver reads of a URL itself. */
const left = ["target_session_attrs", "sslnegotiation"];
const read = ["sslmode", "ssl", "sslrootcert", "sslcert", "sslkey", "pgbouncer", "prepare"];

/**
 * What providers append and changes nothing here: settings of ours take its place, or the driver has nothing to bind or
 * encrypt in that way.
 */
const dropped = [
  ...["channel_binding", "gssencmode", "sslcompression", "sslsni", "client_encoding"],
  ...["application_name", "fallback_application_name", "connect_timeout", "connection_limit", "pool_timeout"],
  ...["keepalives", "keepalives_idle", "keepalives_interval", "keepalives_count", "tcp_user_timeout"],
];

/**
 * Reads the parameters of a database URL of one host or several. Returns the URL with those alone that the driver reads, and
 * the options that the others stand for. Throws an Error that names what cannot be heeded: the driver would send it to the
 * server as a setting of the session.
 */
export function readDatabaseUrl(databaseUrl: string): { url: string; options: DriverOptions } {
  const at = databaseUrl.indexOf("?");
  if (at === -1) return { url: databaseUrl, options: {} };
  const parameters = new URLSearchParams(databaseUrl.slice(at + 1));
  for (const name of parameters.keys()) {
    if (parameters.getAll(name).length > 1) throw new Error(`it has ${name} more than once`);
    if (![...left, ...read, ...dropped].includes(name))
      throw new Error(`it has ${name}, which is not heeded; remove it`);
  }
  const isUnprepared = parameters.get("pgbouncer") === "true" || parameters.get("prepare") === "false";
  const ssl = readTls(hostsOf(databaseUrl), (name) => parameters.get(name) ?? undefined);
  const rest = new URLSearchParams([...parameters].filter(([name]) => left.includes(name))).toString();
  return {
    url: databaseUrl.slice(0, at) + (rest && `?${rest}`),
    options: { ...(ssl !== undefined && { ssl }), ...(isUnprepared && { prepare: false }) },
  };
}

function readTls(hosts: string[], get: (name: string) => string | undefined): DriverOptions["ssl"] {
  const named = get("sslmode") ?? (get("ssl") === "true" ? "require" : undefined);
  // Who names a root wants it checked.
  const given = named ?? (get("sslrootcert") ? "verify-full" : undefined);
  if (given === undefined) return undefined;
  const mode = sslModes.find((one) => one === given);
  if (!mode) throw new Error(`it has sslmode=${given}; it is one of ${sslModes.join(", ")}`);
  if (mode === "disable") return false;
  const root = get("sslrootcert") === "system" ? undefined : readPem("sslrootcert", get("sslrootcert"));
  const own = { cert: readPem("sslcert", get("sslcert")), key: readPem("sslkey", get("sslkey")) };
  // As libpq does, a root makes "require" check who signed the server's certificate.
  const isChecked = mode.startsWith("verify") || (mode === "require" && root !== undefined);
  const isPlain = mode === "allow" || mode === "prefer" || mode === "require";
  if (isPlain && !isChecked && own.cert === undefined) return mode;
  return {
    rejectUnauthorized: isChecked,
    ...(root !== undefined && { ca: root }),
    ...(own.cert !== undefined && own),
    checkServerIdentity: (host, certificate) =>
      mode === "verify-full" ? checkHost(hosts, host, certificate) : undefined,
  };
}

function readPem(name: string, file: string | undefined): Buffer | undefined {
  if (!file) return undefined;
  try {
    return readFileSync(file);
  } catch (error) {
    throw new Error(
      `it has ${name}=${file}, which cannot be read (${error instanceof Error && "code" in error ? error.code : error})`,
    );
  }
}

function hostsOf(databaseUrl: string): string[] {
  const [, hosts = ""] = /^[^/]*\/\/(?:[^@/]*@)?([^/?]*)/.exec(databaseUrl) ?? [];
  return hosts.split(",").map((host) => host.replace(/:\d+$/, "").replace(/^\[|\]$/g, ""));
}

/**
 * Returns why a certificate is not the one of a host, or undefined. The driver names no host where it connects to an address,
 * and Node then takes "localhost": the certificate has to be that of an address in the URL.
 */
function checkHost(hosts: string[], host: string, certificate: PeerCertificate): Error | undefined {
  const wanted = hosts.includes(host) ? [host] : hosts.filter((one) => isIP(one) !== 0);
  const faults = (wanted.length > 0 ? wanted : [host]).map((one) => checkServerIdentity(one, certificate));
  return faults.includes(undefined) ? undefined : faults[0];
}
