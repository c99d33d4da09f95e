import { fromBinary } from "@bufbuild/protobuf";
import { BatchRecordScansRequestSchema } from "../../../gen/qrforge/qr/v1/scan_pb.ts";
import { isUnavailable } from "../../../platform/errors.ts";
import type { Bus } from "../../../platform/messaging/bus.ts";
import { scanConsumer, scanQueue } from "../../../platform/messaging/users.ts";
import { openConsumer } from "../../../platform/messaging/work-queue.ts";
import type { Clock } from "../../../platform/process/clock.ts";
import type { Closer } from "../../../platform/process/closer.ts";
import type { Logger } from "../../../platform/telemetry/log.ts";
import type { Metrics } from "../../../platform/telemetry/metrics.ts";
import { readScans, type ScanRow } from "../domain/scan-batch.ts";
import type { ScanStore } from "../store/scans.ts";

/** Stores the scans of the queue. A batch leaves the queue once it is stored. Replicas share the work. */
export function consumeScans(options: {
  bus: Bus;
  replicas: number;
  scans: Pick<ScanStore, "record">;
  clock: Clock;
  closer: Closer;
  metrics: Metrics;
  log: Logger;
}): void {
  const { scans, log } = options;
  const recorded = options.metrics.counter("scans_recorded", "scans stored out of the queue");
  const dropped = options.metrics.counter("scan_batches_dropped", "messages in the queue that were no scans");
  openConsumer({
    ...options,
    queue: scanQueue,
    durable: scanConsumer,
    async handle(data) {
      let rows: ScanRow[];
      try {
        rows = readScans(fromBinary(BatchRecordScansRequestSchema, data));
      } catch (error) {
        log.error({ error }, "a message in the queue is no batch of scans; it is dropped");
        dropped();
        return "term";
      }
      try {
        recorded({}, await scans.record(rows));
        return "ack";
      } catch (error) {
        // The edge was told that these scans are safe, so they stay in the queue until they can be stored.
        if (!isUnavailable(error)) log.error({ error }, "a batch of scans could not be stored; it comes again");
        return "nak";
      }
    },
  });
}
