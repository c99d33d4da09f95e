import { type NatsConnection, NatsError } from "nats";
import { pino } from "pino";
import { describe, expect, it, vi } from "vitest";
import { systemClock } from "../process/clock.ts";
import { createCloser } from "../process/closer.ts";
import { openConsumer, openPublisher } from "./work-queue.ts";

/** A JetStream answer that refuses a call with this code. */
function refusal(code: number): NatsError {
  const error = new NatsError("refused", "400");
  error.api_error = { code: 400, err_code: code, description: "refused" };
  return error;
}

/** Opens a consumer on a server that answers the addition of the stream with `added`, until it reads or fails. */
async function consumeWhere(added: () => Promise<unknown>) {
  const update = vi.fn(async () => {});
  const { promise: read, resolve: noteRead } = Promise.withResolvers<undefined>();
  const { promise: failed, resolve: noteFailure } = Promise.withResolvers<unknown>();
  const next = async () => {
    noteRead(undefined);
    await systemClock.sleep(10);
    return null;
  };
  const connection = {
    jetstreamManager: async () => ({ streams: { add: added, update }, consumers: { add: async () => {} } }),
    jetstream: () => ({ consumers: { get: async () => ({ next }) } }),
  } as unknown as NatsConnection;
  const bus = { publish() {}, subscribe() {}, connection: () => connection, close: async () => {} };
  const log = pino({ level: "silent" });
  vi.spyOn(log, "warn").mockImplementation((fields: unknown) => noteFailure((fields as { error: unknown }).error));
  const closer = createCloser(log);
  const queue = { stream: "s", subject: "s" };
  openConsumer({ bus, queue, replicas: 1, durable: "d", handle: async () => "ack", clock: systemClock, closer, log });
  const error = await Promise.race([read, failed]);
  await closer.close();
  return { update, error };
}

describe("the stream of a queue", () => {
  it("gets the settings of this version where it exists with others", async () => {
    const { update, error } = await consumeWhere(() => Promise.reject(refusal(10_058)));
    expect(error).toBeUndefined();
    expect(update).toHaveBeenCalledOnce();
  });

  it.each([
    ["insufficient storage", refusal(10_047)],
    ["more replicas than servers", refusal(10_074)],
    ["a subject that another stream has", refusal(10_065)],
    ["no answer", new NatsError("TIMEOUT", "TIMEOUT")],
  ])("is left alone after another failure: %s", async (_, refused) => {
    const { update, error } = await consumeWhere(() => Promise.reject(refused));
    expect(error).toBe(refused);
    expect(update).not.toHaveBeenCalled();
  });
});

it("a publisher asks for nothing but the subject of its queue, and fails while there is no stream", async () => {
  const publish = vi.fn(async () => {
    throw new NatsError("503", "503");
  });
  // Whatever else it called would fail as not being there.
  const connection = { jetstream: () => ({ publish }) } as unknown as NatsConnection;
  const bus = { publish() {}, subscribe() {}, connection: () => connection, close: async () => {} };
  const publisher = openPublisher({ bus, queue: { stream: "s", subject: "s.t" } });
  const data = new Uint8Array();
  await expect(publisher.publish("id", data, { timeoutMs: 1_000 })).rejects.toMatchObject({ reason: "UNAVAILABLE" });
  expect(publish).toHaveBeenCalledExactlyOnceWith("s.t", data, { msgID: "id", timeout: 1_000 });
});
