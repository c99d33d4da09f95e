import { readFile } from "node:fs/promises";
import type { Clock } from "../../../platform/process/clock.ts";
import type { Closer } from "../../../platform/process/closer.ts";
import { repeat } from "../../../platform/process/loop.ts";
import type { Logger } from "../../../platform/telemetry/log.ts";

/** The server certificate, PEM. */
export interface Certificate {
  cert: Buffer;
  key: Buffer;
}

const renewalCheckMs = 60_000;

/** Reads the certificate; undefined if none is configured. */
export async function readCertificate(certFile: string, keyFile: string): Promise<Certificate | undefined> {
  if (!certFile && !keyFile) return undefined;
  if (!certFile || !keyFile) throw new Error("PUBLIC_TLS_CERT_FILE and PUBLIC_TLS_KEY_FILE must be set together");
  return { cert: await readFile(certFile), key: await readFile(keyFile) };
}

/** Reloads a renewed certificate within a minute after it was written; new connections use it. */
export function renewCertificate(options: {
  server: { setSecureContext(certificate: Certificate): void };
  read(): Promise<Certificate | undefined>;
  clock: Clock;
  closer: Closer;
  log: Logger;
}): void {
  const { server, clock, log } = options;
  options.closer.loop("certificate", async (closing) => {
    let shown = await options.read();
    const message = "the certificate cannot be renewed; the old one is still shown";
    await repeat({ intervalMs: renewalCheckMs, closing, clock, log, message }, async () => {
      const read = await options.read();
      if (!read || (shown && read.cert.equals(shown.cert) && read.key.equals(shown.key))) return;
      server.setSecureContext(read);
      shown = read;
      log.info("the certificate was renewed");
    });
  });
}
