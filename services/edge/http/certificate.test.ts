import { expect, it } from "vitest";
import { createCloser } from "../../../platform/process/closer.ts";
import { createLogger } from "../../../platform/telemetry/log.ts";
import { type Certificate, renewCertificate } from "./certificate.ts";

it("a renewed certificate is shown, one that cannot be read or used is not, and the next good one is", async () => {
  const log = createLogger({ service: "test", level: "silent" });
  const closer = createCloser(log);
  const certificate = (name: string) => ({ cert: Buffer.from(`cert ${name}`), key: Buffer.from(`key ${name}`) });
  const reads = [
    certificate("a"),
    certificate("a"),
    certificate("b"),
    undefined,
    certificate("broken"),
    certificate("c"),
  ];
  const shown: string[] = [];
  let done = () => {};
  const allRead = new Promise<void>((resolve) => {
    done = resolve;
  });
  renewCertificate({
    server: {
      setSecureContext({ cert }: Certificate) {
        if (String(cert) === "cert broken") throw new Error("no certificate");
        shown.push(String(cert));
      },
    },
    async read() {
      if (reads.length === 1) done();
      return reads.length > 1 ? reads.shift() : reads[0];
    },
    clock: { now: () => 0, monotonic: () => 0, sleep: () => new Promise((resolve) => setImmediate(resolve)) },
    closer,
    log,
  });
  await allRead;
  await closer.close();
  expect(shown).toEqual(["cert b", "cert c"]);
});
