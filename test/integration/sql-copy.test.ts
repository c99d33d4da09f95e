import { setImmediate as nextTurn } from "node:timers/promises";
import { afterAll, describe, expect, inject, it } from "vitest";
import { readCopy, writeCopy } from "../../platform/postgres/copy.ts";
import { openPool } from "../../platform/postgres/pool.ts";
import { createLogger } from "../../platform/telemetry/log.ts";

const sql = openPool({
  databaseUrl: inject("cluster").databaseUrl,
  databasePassword: "",
  databasePoolSize: 1,
  statementTimeoutMs: 30_000,
  schema: "copy-test",
  log: createLogger({ service: "copy-test", level: "error" }),
});
afterAll(() => sql.end({ timeout: 2 }));

const rows = (count: number) => `copy (select n, repeat('x', 100) from generate_series(1, ${count}) n) to stdout`;

async function read(statement: string): Promise<string> {
  return await sql.begin(async (tx) => {
    const chunks: Buffer[] = [];
    for await (const chunk of readCopy(tx, statement)) {
      chunks.push(chunk);
      // More arrives meanwhile than the stream holds.
      for (let turn = 0; turn < 5; turn++) await nextTurn();
    }
    // The connection must answer whatever comes next.
    await tx`select 1`;
    return Buffer.concat(chunks).toString();
  });
}

async function* pieces(...texts: string[]): AsyncGenerator<Buffer> {
  for (const text of texts) yield Buffer.from(text);
}

describe("copy to stdout", () => {
  it("gives every row and leaves the connection usable, whatever the size", async () => {
    const counts = Array.from({ length: 40 }, (_, index) => 2_000 + 100 * index);
    for (const count of [0, 1, 100, ...counts, 100_000]) {
      const lines = (await read(rows(count))).split("\n");
      expect(lines).toHaveLength(count + 1);
      if (count > 0) expect(lines[count - 1]).toBe(`${count}\t${"x".repeat(100)}`);
    }
  });

  it("fails with the server's error, at the first row and later", async () => {
    await expect(read("copy (select 1 / 0) to stdout")).rejects.toThrow("division by zero");
    const late = "copy (select 1 / (100000 - n) from generate_series(1, 200000) n) to stdout";
    await expect(read(late)).rejects.toThrow("division by zero");
    await expect(read("copy nothing_there to stdout")).rejects.toThrow("does not exist");
    expect(await read(rows(1))).toMatch(/^1\t/);
  });
});

describe("copy from stdin", () => {
  const copyInto = (table: string, chunks: AsyncIterable<Buffer>) =>
    sql.begin(async (tx) => {
      await tx`create temporary table parent (id int primary key) on commit drop`;
      await tx`create temporary table child (id int references parent, filler text) on commit drop`;
      await tx`insert into parent values (1)`;
      await writeCopy(tx, `copy ${table} from stdin`, chunks);
      const [{ count }] = await tx<[{ count: number }]>`select count(*) from ${tx(table)}`;
      return count;
    });

  it("takes rows that are cut anywhere, more than the socket holds", async () => {
    const line = `1\t${"x".repeat(999)}\n`;
    expect(await copyInto("child", pieces("1\tx", "y\n1", "\tz\n"))).toBe(2);
    expect(await copyInto("child", pieces(...Array(20_000).fill(line)))).toBe(20_000);
  });

  it("fails with the server's error, at a row and after the last", async () => {
    await expect(copyInto("parent", pieces("2\n", "two\n", ...Array(50_000).fill("3\n")))).rejects.toThrow(
      /invalid input syntax/,
    );
    await expect(copyInto("child", pieces("2\tno parent\n"))).rejects.toThrow(/foreign key/);
    await expect(copyInto("nothing_there", pieces())).rejects.toThrow("does not exist");
  });

  it("fails with the source's error, and the connection goes on", async () => {
    async function* broken() {
      yield Buffer.from("2\n");
      throw new Error("the file ends here");
    }
    await expect(copyInto("parent", broken())).rejects.toThrow("the file ends here");
    expect(await copyInto("parent", pieces("2\n"))).toBe(2);
  });
});
