import { writeFile } from "node:fs/promises";
import path from "node:path";
import type { Kind } from "../../dev/cluster.ts";
import type { TlsFiles } from "../../platform/rpc/tls.ts";
import { createAuthority } from "./certificates.ts";

const kinds = ["auth", "quota", "qr", "edge"] as const;
type Authority = Awaited<ReturnType<typeof createAuthority>>;

/** Writes a certificate, its key and its authority's certificate into a folder; returns the paths as settings. */
export async function writeTlsFiles(folder: string, name: string, authority: Authority): Promise<TlsFiles> {
  const { certificate, key } = await authority.issue(name);
  const write = async (file: string, text: string) => {
    const target = path.join(folder, file);
    await writeFile(target, text, { mode: 0o600 });
    return target;
  };
  return {
    tlsCertFile: await write(`${name}.pem`, certificate),
    tlsKeyFile: await write(`${name}.key`, key),
    tlsCaFile: await write(`${name}-ca.pem`, authority.certificate),
    tlsServerName: "localhost",
  };
}

/** Makes certificates for mutual TLS between all services and the operator. Returns settings for each service. */
export async function createMutualTls(folder: string) {
  const authority = await createAuthority();
  const files = {} as Record<Kind | "operator", TlsFiles>;
  for (const name of [...kinds, "operator"] as const) files[name] = await writeTlsFiles(folder, name, authority);
  const envOf = ({ tlsCertFile, tlsKeyFile, tlsCaFile }: TlsFiles) => ({
    TLS_CERT_FILE: tlsCertFile,
    TLS_KEY_FILE: tlsKeyFile,
    TLS_CA_FILE: tlsCaFile,
  });
  const env = Object.fromEntries(kinds.map((name) => [name, envOf(files[name])])) as Record<
    Kind,
    ReturnType<typeof envOf>
  >;
  return { authority, files, env };
}

/** Makes a certificate for what clients reach of an edge. Returns the edge's settings, and what its clients must trust. */
export async function createPublicTls(folder: string) {
  const authority = await createAuthority();
  const { tlsCertFile, tlsKeyFile } = await writeTlsFiles(folder, "qrforge.example", authority);
  return {
    ca: authority.certificate,
    env: { PUBLIC_TLS_CERT_FILE: tlsCertFile, PUBLIC_TLS_KEY_FILE: tlsKeyFile },
  };
}
