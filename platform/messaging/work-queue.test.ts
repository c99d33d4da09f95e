import { type NatsConnection, NatsError } from "nats";
import { describe, expect, it, vi } from "vitest";
import { openPublisher } from "./work-queue.ts";

/** A JetStream answer that refuses a call with this code. */
function refusal(code: number): NatsError {
  const error = new NatsError("refused", "400");
  error.api_error = { code: 400, err_code: code, description: "refused" };
  return error;
}

/** A publisher on a server that answers the addition of the stream with `added`. */
function publisherWhere(added: () => Promise<unknown>) {
  const update = vi.fn(async () => {});
  const publish = vi.fn(async () => {});
  const connection = {
    jetstreamManager: async () => ({ streams: { add: added, update } }),
    jetstream: () => ({ publish }),
  } as unknown as NatsConnection;
  const bus = { publish() {}, subscribe() {}, connection: () => connection, close: async () => {} };
  const publisher = openPublisher({ bus, queue: { stream: "s", subject: "s" }, replicas: 1 });
  return { update, publish, send: () => publisher.publish("id", new Uint8Array(), { timeoutMs: 1_000 }) };
}

describe("the stream of a queue", () => {
  it("gets the settings of this version where it exists with others", async () => {
    const { update, publish, send } = publisherWhere(() => Promise.reject(refusal(10_058)));
    await send();
    expect(update).toHaveBeenCalledOnce();
    expect(publish).toHaveBeenCalledOnce();
  });

  it.each([
    ["insufficient storage", refusal(10_047)],
    ["more replicas than servers", refusal(10_074)],
    ["a subject that another stream has", refusal(10_065)],
    ["no answer", new NatsError("TIMEOUT", "TIMEOUT")],
  ])("is left alone after another failure: %s", async (_, error) => {
    const { update, publish, send } = publisherWhere(() => Promise.reject(error));
    await expect(send()).rejects.toMatchObject({ reason: "UNAVAILABLE", cause: error });
    expect(update).not.toHaveBeenCalled();
    expect(publish).not.toHaveBeenCalled();
  });
});
