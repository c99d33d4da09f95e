import { setTimeout } from "node:timers/promises";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { Clock } from "../../platform/clock.ts";
import { Failure } from "../../platform/errors.ts";
import type { Logger } from "../../platform/log.ts";
import type { Upstreams } from "./upstreams.ts";

export interface ScanRecorderOptions {
  scans: Upstreams["scans"];
  newScanId(): string;
  clock: Clock;
  /** Scans that wait at most; while it is full, further ones are dropped and counted. */
  bufferMax: number;
  log: Logger;
}

export interface ScanRecorder {
  /** Notes a scan and returns at once. */
  record(codeId: string): void;
  /** Hands in what still waits, trying for at most this long. */
  close(options: { deadlineMs: number }): Promise<void>;
}

const batchMax = 1_000;
/** How long scans gather before they are sent. */
const gatherMs = 50;
const retryMs = 250;
const sendDeadlineMs = 2_000;

/** Sends scans to qr in batches, one at a time, off the path of the scanner. A batch that fails is sent again. */
export function createScanRecorder(options: ScanRecorderOptions): ScanRecorder {
  const { scans, clock, log } = options;
  const buffer: { scanId: string; qrCodeId: string; scanTime: ReturnType<typeof timestampFromMs> }[] = [];
  let dropped = 0;
  let draining: Promise<void> | undefined;
  const closing = new AbortController();

  async function drain(): Promise<void> {
    let pauseMs = gatherMs;
    while (buffer.length > 0 && !closing.signal.aborted) {
      await setTimeout(pauseMs, undefined, { signal: closing.signal }).catch(() => undefined);
      pauseMs = (await send(sendDeadlineMs)) ? gatherMs : retryMs;
    }
    draining = undefined;
  }

  /** Sends one batch and tells whether it is stored. */
  async function send(deadlineMs: number): Promise<boolean> {
    if (dropped > 0) log.error({ dropped }, "scans were dropped: the buffer was full");
    dropped = 0;
    const batch = buffer.slice(0, batchMax);
    try {
      await scans.batchRecordScans({ scans: batch }, { deadlineMs });
    } catch (error) {
      if (error instanceof Failure && error.reason === "INVALID_REQUEST") {
        log.error({ error, lost: batch.length }, "scans were refused and are lost");
        buffer.splice(0, batch.length);
        return true;
      }
      log.warn({ error, waiting: buffer.length }, "scans could not be recorded and will be sent again");
      return false;
    }
    buffer.splice(0, batch.length);
    return true;
  }

  return {
    record(codeId) {
      if (buffer.length >= options.bufferMax) {
        dropped++;
        return;
      }
      buffer.push({ scanId: options.newScanId(), qrCodeId: codeId, scanTime: timestampFromMs(clock.now()) });
      draining ??= drain();
    },
    async close({ deadlineMs }) {
      const end = clock.monotonic() + deadlineMs;
      closing.abort();
      await draining;
      while (buffer.length > 0 && clock.monotonic() < end) {
        if (!(await send(end - clock.monotonic()))) await setTimeout(retryMs);
      }
      if (buffer.length > 0) log.error({ lost: buffer.length }, "scans were lost: qr could not be reached");
    },
  };
}
