import { accessSync, constants } from "node:fs";
import { ChannelCredentials, experimental, ServerCredentials } from "@grpc/grpc-js";
import { type Setting, text } from "../process/config.ts";

/** Settings of every process that uses gRPC. */
export const tlsSettings = {
  tlsCertFile: text("TLS_CERT_FILE", "this process's certificate for gRPC, PEM; unset, gRPC is in clear text", ""),
  tlsKeyFile: text("TLS_KEY_FILE", "the private key of that certificate, PEM", ""),
  tlsCaFile: text("TLS_CA_FILE", "the authority that signs the certificates of the other side, PEM", ""),
  tlsServerName: text("TLS_SERVER_NAME", "the name in the certificates of services reached by IP address", "localhost"),
};

/** Further settings of every gRPC server. */
export const accessSettings = {
  rpcAllow: rpcAllow("RPC_ALLOW"),
  insecureListen: {
    env: "INSECURE_LISTEN",
    meaning: "must be yes to serve clear text on other addresses than loopback, as within a private container network",
    default: "no",
    parse(value: string) {
      if (value !== "yes" && value !== "no") throw new Error('must be "yes" or "no"');
      return value === "yes";
    },
  } satisfies Setting<boolean>,
};

export interface TlsFiles {
  tlsCertFile: string;
  tlsKeyFile: string;
  tlsCaFile: string;
  tlsServerName: string;
}

/** Allowed methods by client; a client is the common name or a DNS name of its certificate. */
export type Allowed = Map<string, string[]>;

/** Parses `edge:qrforge.auth.v1.KeyService/BatchResolveKeys,admin:*`: client, colon, method or a pattern ending in `*`. */
function rpcAllow(env: string): Setting<Allowed> {
  return {
    env,
    meaning:
      "who may call what, client:method,client:method,…; a method may end in *. Unset, every client of the authority",
    default: "",
    parse(value) {
      const allowed: Allowed = new Map();
      for (const entry of value.split(",").map((one) => one.trim())) {
        if (entry === "") continue;
        const match = /^([\w.-]+):([\w./]*\*?)$/.exec(entry);
        if (!match) throw new Error(`"${entry}" is not client:package.Service/Method`);
        const [, client = "", method = ""] = match;
        allowed.set(client, [...(allowed.get(client) ?? []), method]);
      }
      return allowed;
    },
  };
}

/** Returns whether one of these names may call a method, `package.Service/Method`. */
export function isAllowed(allowed: Allowed, names: string[], method: string): boolean {
  if (allowed.size === 0) return true;
  return names.some((name) =>
    (allowed.get(name) ?? []).some((pattern) =>
      pattern.endsWith("*") ? method.startsWith(pattern.slice(0, -1)) : method === pattern,
    ),
  );
}

/** Interval at which the files are checked for renewal, in ms. */
const renewalCheckMs = 10_000;

/** Returns a provider that watches the files; undefined if none are configured. */
function watchFiles(files: TlsFiles): experimental.CertificateProvider | undefined {
  const { tlsCertFile, tlsKeyFile, tlsCaFile } = files;
  if (!tlsCertFile && !tlsKeyFile && !tlsCaFile) return undefined;
  if (!tlsCertFile || !tlsKeyFile || !tlsCaFile) {
    throw new Error("TLS_CERT_FILE, TLS_KEY_FILE and TLS_CA_FILE must be set together");
  }
  // The watcher waits for files that are not there; a process that is configured wrongly shall not start.
  for (const file of [tlsCertFile, tlsKeyFile, tlsCaFile]) accessSync(file, constants.R_OK);
  return new experimental.FileWatcherCertificateProvider({
    certificateFile: tlsCertFile,
    privateKeyFile: tlsKeyFile,
    caCertificateFile: tlsCaFile,
    refreshIntervalMs: renewalCheckMs,
  });
}

/** Returns a client's credentials: its certificate, or clear text if none is configured. */
export function clientCredentials(files: TlsFiles): ChannelCredentials {
  const watched = watchFiles(files);
  return watched
    ? experimental.createCertificateProviderChannelCredentials(watched, watched)
    : ChannelCredentials.createInsecure();
}

/**
 * Returns a server's credentials: with certificates, clients must present one of the authority; without, clear text, on
 * other addresses than loopback only with `insecureListen`.
 */
export function serverCredentials(
  files: TlsFiles & { insecureListen: boolean; listen: { host: string } },
): ServerCredentials {
  const watched = watchFiles(files);
  if (watched) return experimental.createCertificateProviderServerCredentials(watched, watched, true);
  const { host } = files.listen;
  if (!/^(127\.|::1$|localhost$)/.test(host) && !files.insecureListen) {
    throw new Error(
      `gRPC in clear text on ${host} is open to anyone who can reach it. Set TLS_CERT_FILE, TLS_KEY_FILE and TLS_CA_FILE, ` +
        "or INSECURE_LISTEN=yes if the network is private.",
    );
  }
  return ServerCredentials.createInsecure();
}
