import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import type { Logger } from "../telemetry/log.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import { systemClock } from "./clock.ts";

const manifest = readFileSync(new URL("../../package.json", import.meta.url), "utf8");

/** Version of this code. */
export const version = (JSON.parse(manifest) as { version: string }).version;

/** Registers metrics of the version and the clock of this process, to compare processes. */
export function registerBuildInfo(metrics: Metrics): void {
  metrics.gauge("build_info", "1, by the version of the code and of Node", () => 1, { version, node: process.version });
  metrics.gauge(
    "clock_seconds",
    "the process's clock when metrics are read, Unix time",
    () => systemClock.now() / 1_000,
  );
}

/** Registers a metric of the expiry of the certificate in a file. */
export function registerCertificateExpiry(options: { use: string; file: string; metrics: Metrics; log: Logger }): void {
  const { use, file, metrics, log } = options;
  if (file === "") return;
  const validTo = (): number => {
    try {
      return new X509Certificate(readFileSync(file)).validToDate.getTime() / 1_000;
    } catch (error) {
      log.error({ error, use }, "the certificate cannot be read");
      return 0;
    }
  };
  metrics.gauge("certificate_expiry_seconds", "when the certificate in use ends, Unix time, by its use", validTo, {
    use,
  });
}
