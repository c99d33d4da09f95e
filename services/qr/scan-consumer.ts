import { fromBinary } from "@bufbuild/protobuf";
import { BatchRecordScansRequestSchema } from "../../gen/qrforge/qr/v1/scan_pb.ts";
import type { Bus } from "../../platform/bus.ts";
import type { Clock } from "../../platform/clock.ts";
import type { Closer } from "../../platform/closer.ts";
import { isUnavailable } from "../../platform/errors.ts";
import type { Logger } from "../../platform/log.ts";
import type { Metrics } from "../../platform/metrics.ts";
import { openConsumer, queueOf } from "../../platform/queue.ts";
import { readScans } from "./scan-service.ts";
import type { ScanStore } from "./scan-store.ts";

/** Stores the scans that edges put into the queue; a batch leaves it once it is stored. Replicas share the work. */
export function consumeScans(options: {
  bus: Bus;
  replicas: number;
  scans: Pick<ScanStore, "recordScans">;
  clock: Clock;
  closer: Closer;
  metrics: Metrics;
  log: Logger;
}): void {
  const { scans, log } = options;
  const recorded = options.metrics.counter("scans_recorded", "scans stored out of the queue");
  openConsumer({
    ...options,
    queue: queueOf(BatchRecordScansRequestSchema),
    durable: "qr",
    async handle(data) {
      try {
        recorded({}, await scans.recordScans(readScans(fromBinary(BatchRecordScansRequestSchema, data))));
        return "done";
      } catch (error) {
        if (isUnavailable(error)) return "again";
        log.error({ error }, "a batch of scans could not be stored and is lost");
        return "never";
      }
    },
  });
}
