/**
 * COPY with workarounds for two defects of the driver (postgres 3.4.9) that its patch leaves:
 *
 * - An error in the first packet of a copy reaches the stream before it can have a listener, and ends the process.
 * - An error after the last row was sent, for example of a foreign key, is not reported.
 */
import { once } from "node:events";
import type { Readable, Writable } from "node:stream";
import type { Sql, Tx } from "./pool.ts";

/** Size of a yielded chunk, in bytes. The driver yields a chunk for each row, which is slow to read. */
const batchBytes = 256 << 10;

/** Callbacks of a query of the driver, which its types leave out. */
interface Answerable {
  resolve(stream: unknown): void;
  reject(error: unknown): void;
}

/** Starts a copy. Returns its stream, and a promise that rejects when the server rejects the copy at any time. */
async function start<T extends Readable | Writable>(
  sql: Sql | Tx,
  statement: string,
  direction: "readable" | "writable",
): Promise<{ stream: T; refused: Promise<never> }> {
  const query = sql.unsafe(statement);
  // The driver calls these methods of a query; its types do not have them.
  const answered = query as unknown as Answerable;
  const stream = Promise.withResolvers<T>();
  const refused = Promise.withResolvers<never>();
  refused.promise.catch(() => {});
  const { resolve, reject } = answered;
  answered.resolve = (opened) => {
    // The driver calls it again at the end of the copy.
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
  // Its rejection is handled below.
  query[direction]().catch(() => {});
  return { stream: await stream.promise, refused: refused.promise };
}

/** Runs `copy … to stdout` and yields chunks of many rows. A caller that stops reading early must close the connection. */
export async function* readCopy(sql: Sql | Tx, statement: string): AsyncGenerator<Buffer, undefined> {
  const { stream } = await start<Readable>(sql, statement, "readable");
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
}

/** Runs `copy … from stdin` with `chunks`. Resolves once the server has stored all rows. */
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
    // Aborts the copy; the server answers by rejecting it.
    if (!stream.destroyed) {
      stream.destroy(error as Error);
      await refused.catch(() => {});
    }
    throw error;
  }
  await Promise.race([finished, refused]);
}
