import { create, toBinary } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { BatchRecordScansRequestSchema } from "../../../gen/qrforge/qr/v1/scan_pb.ts";
import { ServiceError } from "../../../platform/errors.ts";
import type { Publisher } from "../../../platform/messaging/work-queue.ts";
import type { Clock } from "../../../platform/process/clock.ts";
import type { Logger } from "../../../platform/telemetry/log.ts";
import type { Metrics } from "../../../platform/telemetry/metrics.ts";
import { withRootContext } from "../../../platform/telemetry/tracing.ts";
import type { Upstreams } from "../upstreams/clients.ts";
import { createAgentLookup, referrerOf, type Scanner, visitorOf } from "./attributes.ts";
import type { CountryLookup } from "./geoip.ts";
import type { VisitorSalts } from "./visitor-salt.ts";

export interface ScanRecorderOptions {
  scans: Upstreams["scans"];
  queue: Publisher;
  salts: VisitorSalts;
  /** Returns the country of an address; used if no proxy sent one. */
  countryOf: CountryLookup;
  newId(): string;
  clock: Clock;
  /** Maximum number of waiting scans; further scans are dropped and counted. */
  bufferMax: number;
  metrics: Metrics;
  log: Logger;
}

export interface ScanRecorder {
  /** Records a scan and returns at once. */
  record(codeId: string, scanner: Scanner): void;
  /** Sends the waiting scans, and stops trying after this time. */
  close(options: { timeoutMs: number }): Promise<void>;
}

interface Noted {
  codeId: string;
  scannedAtMs: number;
  scanner: Scanner;
}

/** A batch of scans. Their ids stay the same when the batch is sent again. */
interface Batch {
  id: string;
  request: ReturnType<typeof create<typeof BatchRecordScansRequestSchema>>;
}

const dayMs = 86_400_000;
const batchMax = 1_000;
/** Maximum number of characters of a header that are stored while a scan waits. */
const headerLengthMax = 512;
/** Time for which scans are collected before they are sent, in ms. */
const gatherMs = 50;
const retryMs = 250;
const queueTimeoutMs = 1_000;
const callTimeoutMs = 2_000;

/**
 * Sends scans to qr in batches, one at a time, without delaying the redirect: through the queue, which stores them on disk,
 * or by a call if there is no queue. Sends a failed batch again. Ignores robots.
 */
export function createScanRecorder(options: ScanRecorderOptions): ScanRecorder {
  const { clock, log } = options;
  const count = options.metrics.counter("scans", "scans, by what became of them");
  const agentOf = createAgentLookup();
  const noted: Noted[] = [];
  let batch: Batch | undefined;
  let dropped = 0;
  let draining: Promise<void> | undefined;
  const closing = new AbortController();
  const waiting = () => noted.length + (batch?.request.scans.length ?? 0);
  options.metrics.gauge("scans_waiting", "scans that wait to be handed in", waiting);

  async function drain(): Promise<void> {
    let pauseMs = gatherMs;
    while (waiting() > 0 && !closing.signal.aborted) {
      await clock.sleep(pauseMs, closing.signal);
      pauseMs = (await send(callTimeoutMs).catch(unforeseen)) ? gatherMs : retryMs;
    }
    draining = undefined;
  }

  function unforeseen(error: unknown): boolean {
    log.error({ error }, "scans could not be made ready to be handed in");
    return false;
  }

  async function nextBatch(): Promise<Batch | undefined> {
    const taken = noted.slice(0, batchMax);
    const people = taken.filter(({ scanner }) => !agentOf(scanner.userAgent).isRobot);
    const scans = [];
    let day = -1;
    let salt: Uint8Array | undefined;
    for (const { codeId, scannedAtMs, scanner } of people) {
      const ofDay = Math.floor(scannedAtMs / dayMs);
      if (ofDay !== day) salt = await options.salts.of(scannedAtMs);
      day = ofDay;
      scans.push({
        scanId: options.newId(),
        qrCodeId: codeId,
        scanTime: timestampFromMs(scannedAtMs),
        device: agentOf(scanner.userAgent).device,
        country: scanner.country || options.countryOf(scanner.address),
        referrer: referrerOf(scanner.referer),
        ...(salt && { visitor: visitorOf(scanner, salt) }),
      });
    }
    const request = create(BatchRecordScansRequestSchema, { scans });
    noted.splice(0, taken.length);
    if (people.length < taken.length) count({ outcome: "robot" }, taken.length - people.length);
    return scans.length > 0 ? { id: options.newId(), request } : undefined;
  }

  /** Sends one batch and returns whether it was acknowledged. */
  async function send(timeoutMs: number): Promise<boolean> {
    if (dropped > 0) log.error({ dropped }, "scans were dropped: the buffer was full");
    dropped = 0;
    batch ??= await nextBatch();
    if (!batch) return true;
    const { id, request } = batch;
    try {
      await handIn(id, request, timeoutMs);
      count({ outcome: "acknowledged" }, request.scans.length);
    } catch (error) {
      if (!(error instanceof ServiceError && error.reason === "INVALID_REQUEST")) {
        log.warn({ error, waiting: waiting() }, "scans could not be handed in and will be sent again");
        return false;
      }
      log.error({ error, lost: request.scans.length }, "scans were refused and are lost");
      count({ outcome: "lost" }, request.scans.length);
    }
    batch = undefined;
    return true;
  }

  async function handIn(id: string, request: Batch["request"], timeoutMs: number): Promise<void> {
    try {
      const bytes = toBinary(BatchRecordScansRequestSchema, request);
      await options.queue.publish(id, bytes, { timeoutMs: Math.min(timeoutMs, queueTimeoutMs) });
    } catch (error) {
      log.debug({ error }, "no queue: scans are handed to qr");
      await options.scans.batchRecordScans(request, { timeoutMs });
    }
  }

  return {
    record(codeId, scanner) {
      if (waiting() >= options.bufferMax) {
        dropped++;
        count({ outcome: "dropped" });
        return;
      }
      const userAgent = scanner.userAgent.slice(0, headerLengthMax);
      const referer = scanner.referer.slice(0, headerLengthMax);
      noted.push({ codeId, scannedAtMs: clock.now(), scanner: { ...scanner, userAgent, referer } });
      draining ??= withRootContext(drain);
    },
    async close({ timeoutMs }) {
      const end = clock.monotonic() + timeoutMs;
      closing.abort();
      await draining;
      while (waiting() > 0 && clock.monotonic() < end) {
        if (!(await send(end - clock.monotonic()).catch(unforeseen))) await clock.sleep(retryMs);
      }
      if (waiting() === 0) return;
      count({ outcome: "lost" }, waiting());
      log.error({ lost: waiting() }, "scans were lost: neither the queue nor qr could be reached");
    },
  };
}
