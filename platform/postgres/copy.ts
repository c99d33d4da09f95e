/**
 * COPY over the driver, which (postgres 3.4.9) leaves three things undone:
 *
 * - A stream that is full pauses the socket, and the last rows often arrive in one packet with the end of the copy. Nothing
 *   resumes the socket then, so the next query of the connection waits for ever (porsager/postgres#1016).
 * - An error in the packet that begins a copy reaches the stream before anybody could listen, and ends the process.
 * - An error after the last row was sent, as of a foreign key, reaches nobody.
 */
import { once } from "node:events";
import type { Readable, Writable } from "node:stream";
import type { Sql, Tx } from "./pool.ts";

/** How much is handed on at once: the driver gives a piece for each row, and each costs its reader as much as a large one. */
const batchBytes = 256 << 10;

/** What the driver calls when a query is answered; its types leave it out. */
interface Answerable {
  resolve(stream: unknown): void;
  reject(error: unknown): void;
}

/** Starts a copy; returns its stream, and what rejects if the server refuses the copy at any time. */
async function start<T extends Readable | Writable>(
  sql: Sql | Tx,
  statement: string,
  direction: "readable" | "writable",
): Promise<{ stream: T; refused: Promise<never> }> {
  const query = sql.unsafe(statement);
  const answered = query as unknown as Answerable;
  const stream = Promise.withResolvers<T>();
  const refused = Promise.withResolvers<never>();
  refused.promise.catch(() => {});
  const { resolve, reject } = answered;
  answered.resolve = (opened) => {
    // It is called again when the copy is done.
    answered.resolve = resolve;
    (opened as T).on("error", refused.reject);
    stream.resolve(opened as T);
    resolve(opened);
  };
  answered.reject = (error) => {
    stream.reject(error);
    refused.reject(error);
    reject(error);
  };
  // What it rejects with is known below.
  query[direction]().catch(() => {});
  return { stream: await stream.promise, refused: refused.promise };
}

/** Runs `copy … to stdout` and returns what the server sends, in pieces of many rows. Whoever stops reading early must close the connection. */
export async function* readCopy(sql: Sql | Tx, statement: string): AsyncGenerator<Buffer, undefined> {
  const { stream } = await start<Readable>(sql, statement, "readable");
  try {
    let gathered: Buffer[] = [];
    let bytes = 0;
    // No encoding is set, so a stream of bytes yields buffers.
    for await (const row of stream as AsyncIterable<Buffer>) {
      gathered.push(row);
      bytes += row.length;
      if (bytes < batchBytes) continue;
      yield Buffer.concat(gathered);
      gathered = [];
      bytes = 0;
    }
    if (bytes > 0) yield Buffer.concat(gathered);
  } finally {
    resume(stream);
  }
}

/** Lets the socket below a stream flow again. */
function resume(stream: Readable): void {
  try {
    stream._read(0);
  } catch (error) {
    // The driver has no socket any more once the connection is lost, which the reader of the stream is told.
    if (!(error instanceof TypeError)) throw error;
  }
}

/** Runs `copy … from stdin` with these bytes. Resolves once the server has taken all rows. */
export async function writeCopy(sql: Sql | Tx, statement: string, chunks: AsyncIterable<Buffer>): Promise<void> {
  const { stream, refused } = await start<Writable>(sql, statement, "writable");
  const finished = once(stream, "finish");
  finished.catch(() => {});
  const send = async () => {
    for await (const chunk of chunks) {
      if (!stream.write(chunk)) await Promise.race([once(stream, "drain"), refused]);
    }
    stream.end();
  };
  try {
    await Promise.race([send(), refused]);
  } catch (error) {
    // Says to the server that no more comes, which it answers by refusing the copy.
    if (!stream.destroyed) {
      stream.destroy(error as Error);
      await refused.catch(() => {});
    }
    throw error;
  }
  await Promise.race([finished, refused]);
}
