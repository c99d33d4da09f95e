import { fromBinary } from "@bufbuild/protobuf";
import { pino } from "pino";
import { describe, expect, it } from "vitest";
import {
  type BatchRecordScansRequest,
  BatchRecordScansRequestSchema,
  Device,
  type Scan,
} from "../../../gen/qrforge/qr/v1/scan_pb.ts";
import { ServiceError } from "../../../platform/errors.ts";
import { systemClock } from "../../../platform/process/clock.ts";
import type { Scanner } from "./attributes.ts";
import { createScanRecorder } from "./recorder.ts";

const phone =
  "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1";
const person: Scanner = {
  address: "192.0.2.7",
  userAgent: phone,
  referer: "https://Shop.Example/menu?x=1",
  country: "",
};

/** Creates a recorder whose batches get the given outcomes in order; every later batch is stored. */
function recorderWith(outcomes: (ServiceError | undefined)[], { bufferMax = 10_000, withQueue = false } = {}) {
  const batches: string[][] = [];
  const stored: Scan[] = [];
  const queued: { id: string; scans: string[] }[] = [];
  const counted: Record<string, number> = {};
  let id = 0;
  const recorder = createScanRecorder({
    scans: {
      async batchRecordScans({ scans }: BatchRecordScansRequest) {
        batches.push(scans.map(({ scanId }) => scanId));
        const outcome = outcomes.shift();
        if (outcome) throw outcome;
        stored.push(...scans);
        return {} as never;
      },
    } as never,
    queue: {
      async publish(batchId, data) {
        if (!withQueue) throw new ServiceError("UNAVAILABLE");
        const { scans } = fromBinary(BatchRecordScansRequestSchema, data);
        queued.push({ id: batchId, scans: scans.map(({ scanId }) => scanId) });
        const outcome = outcomes.shift();
        if (outcome) throw outcome;
        stored.push(...scans);
      },
    },
    salts: { of: async () => Buffer.alloc(32, 7) },
    countryOf: () => "DE",
    newId: () => String(id++),
    clock: systemClock,
    bufferMax,
    metrics: {
      counter:
        () =>
        (labels, by = 1) => {
          const outcome = labels?.outcome ?? "";
          counted[outcome] = (counted[outcome] ?? 0) + by;
        },
      duration: () => () => {},
      gauge: () => {},
    },
    log: pino({ level: "silent" }),
  });
  return { recorder, batches, stored, queued, counted };
}

describe("the scan recorder", () => {
  it("hands in what waits when it closes, in batches of at most 1,000", async () => {
    const { recorder, batches, stored } = recorderWith([]);
    for (let scan = 0; scan < 2_500; scan++) recorder.record("c", person);
    await recorder.close({ timeoutMs: 5_000 });
    expect(stored.length).toBe(2_500);
    expect(Math.max(...batches.map((batch) => batch.length))).toBe(1_000);
  });

  it("sends a batch again, under the same ids, when qr could not be reached", async () => {
    const { recorder, batches, stored } = recorderWith([
      new ServiceError("UNAVAILABLE"),
      new ServiceError("DEADLINE_EXCEEDED"),
    ]);
    recorder.record("c", person);
    await recorder.close({ timeoutMs: 5_000 });
    expect(new Set(batches.map((batch) => batch.join())).size).toBe(1);
    expect(batches).toHaveLength(3);
    expect(stored.length).toBe(1);
  });

  it("does not let a batch that is refused for good hold up the others", async () => {
    const { recorder, stored } = recorderWith([new ServiceError("INVALID_REQUEST")]);
    for (let scan = 0; scan < 1_500; scan++) recorder.record("c", person);
    await recorder.close({ timeoutMs: 5_000 });
    expect(stored.length).toBe(500);
  });

  it("keeps no more than its buffer holds, and counts what it drops", async () => {
    const { recorder, stored, counted } = recorderWith([], { bufferMax: 10 });
    for (let scan = 0; scan < 15; scan++) recorder.record("c", person);
    await recorder.close({ timeoutMs: 5_000 });
    expect(stored.length).toBe(10);
    expect(counted).toEqual({ dropped: 5, acknowledged: 10 });
  });

  it("puts batches into the queue, and hands them to qr with the same scan ids if that fails", async () => {
    const { recorder, queued, batches, stored } = recorderWith([new ServiceError("UNAVAILABLE")], { withQueue: true });
    recorder.record("c", person);
    await recorder.close({ timeoutMs: 5_000 });
    expect(batches).toEqual(queued.map(({ scans }) => scans));
    expect(stored).toHaveLength(1);
  });

  it("tells device, country, referrer and the day's visitor, and nothing else of a scanner", async () => {
    const { recorder, stored } = recorderWith([]);
    recorder.record("c", person);
    recorder.record("c", person);
    recorder.record("c", { ...person, address: "192.0.2.8", country: "FR", referer: "nonsense" });
    await recorder.close({ timeoutMs: 5_000 });
    const [one, again, other] = stored as [Scan, Scan, Scan];
    expect(one).toMatchObject({ device: Device.MOBILE, country: "DE", referrer: "shop.example" });
    expect(other).toMatchObject({ country: "FR", referrer: "" });
    expect(one.visitor).toHaveLength(8);
    expect(again.visitor).toEqual(one.visitor);
    expect(other.visitor).not.toEqual(one.visitor);
  });

  it("leaves out what calls itself a robot, and not what a person runs", async () => {
    const { recorder, stored, counted } = recorderWith([]);
    for (const userAgent of [
      "Googlebot/2.1 (+http://www.google.com/bot.html)",
      "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
      "facebookexternalhit/1.1",
      "curl/8.5.0",
      "node",
      "",
    ]) {
      recorder.record("c", { ...person, userAgent });
    }
    await recorder.close({ timeoutMs: 5_000 });
    expect(stored).toHaveLength(3);
    expect(counted).toEqual({ robot: 3, acknowledged: 3 });
  });
});
