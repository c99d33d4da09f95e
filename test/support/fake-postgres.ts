import { createServer, type Socket } from "node:net";

/** What the server does when a statement is to be run; a transaction's `begin` and `rollback` are statements too. */
export type Answer =
  | "rows"
  /** Closes the connection without an answer. */
  | "close"
  /** Answers, and closes with the same packet. */
  | "rows, close"
  /** Resets the connection. */
  | "reset"
  /** Keeps the connection, reads what comes, and sends nothing any more. */
  | "silence"
  /** Answers a COPY TO STDOUT with this many bytes, in one packet. */
  | { copyBytes: number };

export interface FakePostgres {
  url: string;
  /** The statements of each connection that has been opened, but those by which the driver asks for types. */
  statements: string[][];
  /** The numbers of the connections that have closed. */
  closed: Set<number>;
  close(): Promise<void>;
}

const message = (type: string, body: Buffer = Buffer.alloc(0)) => {
  const head = Buffer.alloc(5);
  head.write(type);
  head.writeUInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
};
const int16 = (value: number) => Buffer.from([value >> 8, value & 255]);
const int32 = (value: number) => Buffer.from([value >> 24, (value >> 16) & 255, (value >> 8) & 255, value & 255]);
const terminated = (text: string) => Buffer.from(`${text}\0`);

/**
 * A server that speaks as much of Postgres' protocol as the driver needs, has no rows, and fails where it is told to:
 * `answer` decides on each statement, given its connection's number from 0. `authenticate` may send something else in place
 * of "you are in", or close the connection.
 */
export async function startFakePostgres(
  answer: (statement: string, connection: number) => Answer,
  authenticate: (connection: number) => Buffer | "close" | undefined = () => undefined,
): Promise<FakePostgres> {
  const statements: string[][] = [];
  const closed = new Set<number>();
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    const number = statements.push([]) - 1;
    let input: Buffer = Buffer.alloc(0);
    let isStarted = false;
    let state = "I";
    let text = "";
    let out: Buffer[] = [];
    let isGone = false;
    const send = (...parts: Buffer[]) => out.push(...parts);
    const flush = () => {
      if (out.length > 0) socket.write(Buffer.concat(out));
      out = [];
    };
    const ready = () => send(message("Z", Buffer.from(state)));
    function run(statement: string): void {
      const isOfDriver = statement.includes("pg_catalog.pg_type");
      if (!isOfDriver) statements[number]?.push(statement);
      const what = answer(statement, number);
      if (what === "close" || what === "reset" || what === "silence") {
        isGone = true;
        if (what === "close") socket.end();
        if (what === "reset") socket.resetAndDestroy();
        return;
      }
      if (/^begin/.test(statement)) state = "T";
      if (/^(commit|rollback)/.test(statement)) state = "I";
      if (typeof what === "object") {
        send(message("H", Buffer.concat([Buffer.from([0]), int16(0)])));
        for (let left = what.copyBytes; left > 0; left -= 1_000)
          send(message("d", Buffer.alloc(Math.min(left, 1_000))));
        send(message("c"));
      }
      send(message("C", terminated("SELECT 0")));
      if (what === "rows, close") {
        ready();
        flush();
        isGone = true;
        socket.end();
      }
    }
    function handle(type: string, body: Buffer): void {
      const texts = body.toString("latin1").split("\0");
      if (type === "Q") {
        run(texts[0] as string);
        ready();
      } else if (type === "P") {
        text = texts[1] as string;
        send(message("1"));
      } else if (type === "D") send(message("t", int16(0)), message("n"));
      else if (type === "B") send(message("2"));
      else if (type === "E") run(text);
      else if (type === "S") ready();
      else if (type === "p") send(message("R", Buffer.concat([int32(11), Buffer.from("r=x,s=,i=0")])));
    }
    socket.on("error", () => {});
    socket.on("close", () => {
      sockets.delete(socket);
      closed.add(number);
    });
    socket.on("data", (data: Buffer) => {
      input = Buffer.concat([input, data]);
      while (!isGone) {
        const at = isStarted ? 1 : 0;
        if (input.length < at + 4 || input.length < at + input.readUInt32BE(at)) break;
        const body = input.subarray(at + 4, at + input.readUInt32BE(at));
        const type = input.toString("latin1", 0, at);
        input = input.subarray(at + input.readUInt32BE(at));
        if (isStarted) handle(type, body);
        else {
          // A packet that does not begin with the protocol's version is no start.
          if (body.readUInt32BE(0) !== 196_608) return void socket.destroy();
          isStarted = true;
          const other = authenticate(number);
          if (other === "close") return void socket.end();
          send(other ?? Buffer.concat([message("R", int32(0)), message("Z", Buffer.from(state))]));
        }
      }
      if (!isGone) flush();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  return {
    url: `postgres://u:p@127.0.0.1:${port}/d`,
    statements,
    closed,
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Asks for SCRAM, and then answers what makes no sense. */
export const brokenScram = message("R", Buffer.concat([int32(10), terminated("SCRAM-SHA-256"), Buffer.from([0])]));
