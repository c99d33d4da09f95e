import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { describe, expect, it } from "vitest";

/** Less than the driver's own timeout for connecting: nothing here may depend on that. */
const scenarioMaxMs = 4_000;

/** Runs a scenario in a thread; fails with the error that nobody caught there, if there is one. */
async function run(name: string) {
  const thread = new Worker(new URL("driver-scenarios.ts", import.meta.url), { workerData: name });
  const ended = once(thread, "exit");
  try {
    const [message] = await once(thread, "message", { signal: AbortSignal.timeout(scenarioMaxMs) });
    // What is thrown afterwards counts too.
    await ended;
    return message;
  } finally {
    await thread.terminate();
  }
}

describe("when the database closes the connection", () => {
  it("under a statement of a transaction, that transaction fails and nothing else", async () => {
    const { result, statements } = await run("closeInTransaction");
    expect(result).toEqual({ transaction: "CONNECTION_CLOSED", next: "ok" });
    expect(statements).toEqual([["begin ", "select 1"], ["select 2"]]);
  });

  it("while a statement waits to be sent, the next connection works at once", async () => {
    const { result, statements } = await run("closeWhileWriting");
    expect(result).toEqual({ transaction: "CONNECTION_CLOSED", next: "ok" });
    expect(statements.slice(1)).toEqual([["select 3"]]);
  });

  it("and it is opened again for others, the transaction's later statements are not run on it", async () => {
    const { result, statements } = await run("reopened");
    expect(result).toEqual({ transaction: "CONNECTION_CLOSED", waiting: "ok", late: "CONNECTION_CLOSED" });
    expect(statements).toEqual([["begin ", "select 1"], ["select 2"]]);
  });

  it("every statement of a transaction that waits for its turn is rejected", async () => {
    const { result } = await run("manyInTransaction");
    expect(result).toEqual({ transaction: "CONNECTION_CLOSED", statements: ["CONNECTION_CLOSED"] });
  });

  it("while it is being opened, whoever waits for it is told", async () => {
    const { result } = await run("resetWhileTypesAreRead");
    expect(result).toEqual({ first: "ECONNRESET", next: "ok" });
  });

  it("while the pool ends, the pool has ended", async () => {
    const { result } = await run("endWhileClosing");
    expect(result).toEqual({ statement: "CONNECTION_CLOSED" });
  });
});

describe("when the database keeps its connection and answers nothing", () => {
  it("the statements on it fail, and the next has another connection", async () => {
    const { result } = await run("silentStatement");
    expect(result).toEqual({ statements: ["ANSWER_TIMEOUT", "CONNECTION_CLOSED"], next: "ok", closed: [0] });
  });

  it("a transaction fails, and the next statement has another connection", async () => {
    expect((await run("silentTransaction")).result).toEqual({ transaction: "CONNECTION_CLOSED", next: "ok" });
  });

  it("the connections that were idle meanwhile are not tried one by one", async () => {
    const { result } = await run("silentWithOthers");
    expect(result).toEqual({ silent: "ANSWER_TIMEOUT", next: "ok", closed: [0, 1] });
  });
});

describe("when the database", () => {
  it("closes each new connection, the statement that waits for one fails", async () => {
    expect((await run("closeWhileConnecting")).result).toEqual({ statement: "CONNECT_TIMEOUT" });
  });

  it("has several hosts and none of them is there, the statement that waits for one fails", async () => {
    expect((await run("noHostThere")).result).toEqual({ statement: "CONNECT_TIMEOUT" });
  });

  it("has no connection free for long, the statement that waits for one fails", async () => {
    const { result } = await run("noConnectionFree");
    expect(result).toEqual({ transaction: "ok", waiting: "POOL_TIMEOUT", next: "ok" });
  });

  it("answers nonsense to a password, the statement fails and nothing else", async () => {
    expect((await run("brokenAuthentication")).result).toEqual({ first: true, next: "ok" });
  });

  it("sends a table faster than it is read, what follows in the transaction runs", async () => {
    expect((await run("copy")).result).toEqual({ transaction: "ok", bytes: 70_000 });
  });

  it("sends a table that is not read to its end, what follows in the transaction runs", async () => {
    expect((await run("copyGivenUp")).result).toEqual({ transaction: "ok" });
  });
});
