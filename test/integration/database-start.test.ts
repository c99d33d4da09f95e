import dns from "node:dns";
import { pino } from "pino";
import { afterEach, describe, expect, inject, it, vi } from "vitest";
import { openDatabase } from "../../platform/postgres/database.ts";

const logged: string[] = [];
const log = pino({ level: "info" }, { write: (line) => void logged.push(JSON.parse(line).msg) });
const url = (changes: Partial<URL>) => Object.assign(new URL(inject("cluster").databaseUrl), changes).href;
const open = (databaseUrl: string) =>
  openDatabase({
    databaseUrl,
    databasePassword: "",
    databasePoolSize: 1,
    statementTimeoutMs: 3_000,
    schema: "qr",
    folder: new URL("../../services/qr/migrations/", import.meta.url),
    migrations: "check",
    log,
  });
afterEach(() => {
  vi.restoreAllMocks();
  logged.length = 0;
});

describe("a service that starts", () => {
  it("waits while the name server does not answer", async () => {
    let failures = 2;
    vi.spyOn(dns, "lookup").mockImplementation(((_name: string, options: dns.LookupOptions, done: Done) => {
      if (failures-- > 0) done(Object.assign(new Error("getaddrinfo EAI_AGAIN"), { code: "EAI_AGAIN" }));
      else if (options.all) done(null, [{ address: "127.0.0.1", family: 4 }]);
      else done(null, "127.0.0.1", 4);
    }) as never);
    const sql = await open(url({ hostname: "database.test" }));
    expect(await sql`select 1 as one`).toEqual([{ one: 1 }]);
    await sql.end({ timeout: 1 });
    expect(logged).toEqual(["waiting for the database", "waiting for the database"]);
  });

  it.each([
    ["an unknown database", { pathname: "/no_such_database" }, "3D000"],
    ["an unknown user", { username: "nobody_here" }, "28"],
  ])("says at once that it names %s", async (_what, changes, code) => {
    await expect(open(url(changes))).rejects.toMatchObject({ code: expect.stringMatching(`^${code}`) });
    expect(logged).toEqual([]);
  });
});

type Done = (error: Error | null, address?: string | dns.LookupAddress[], family?: number) => void;
