import { describe, expect, it } from "vitest";
import type { DevServersCommand } from "./dev-servers.ts";
import { createPendingCommands } from "./supervisor.ts";

describe("commands to the supervisor", () => {
  it("each wait for their own answer, in whatever order answers come", async () => {
    const sent: (DevServersCommand & { id: number })[] = [];
    const commands = createPendingCommands((message) => sent.push(message), 10_000);
    const order: string[] = [];
    const first = commands.send({ stop: "postgres" }).then(() => order.push("postgres"));
    const second = commands.send({ stop: "nats" }).then(() => order.push("nats"));
    expect(sent).toMatchObject([{ stop: "postgres" }, { stop: "nats" }]);
    commands.done(sent[1]?.id as number);
    await second;
    expect(order).toEqual(["nats"]);
    commands.done(sent[0]?.id as number);
    await first;
    expect(order).toEqual(["nats", "postgres"]);
  });

  it("fail when no answer comes in time, and all at once when the supervisor ends", async () => {
    const slow = createPendingCommands(() => {}, 1);
    await expect(slow.send({ start: "nats" })).rejects.toThrow("did not answer");
    const ended = createPendingCommands(() => {}, 10_000);
    const waiting = [ended.send({ start: "nats" }), ended.send({ start: "postgres" })];
    const outcomes = Promise.allSettled(waiting);
    ended.fail(new Error("ended"));
    expect((await outcomes).map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  });
});
