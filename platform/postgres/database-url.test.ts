import { readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { databaseUrl, loadConfig } from "../process/config.ts";
import { readDatabaseUrl } from "./database-url.ts";

const file = new URL("../../test/cases/database-urls/cases.json", import.meta.url);
const { cases }: { cases: { query: string; driver?: object; left?: string; issue?: string }[] } = JSON.parse(
  readFileSync(file, "utf8"),
);

describe("a database URL as a provider hands it out", () => {
  const start = "postgres://ann:s3cret@one:5432,two:5433/codes";
  it.each(cases)("has parameters that are heeded, dropped, or refused by name: $query", ({ query, ...right }) => {
    if (right.issue === undefined) {
      expect(readDatabaseUrl(start + query)).toEqual({ url: start + (right.left ?? ""), options: right.driver });
    } else {
      const setting = { url: databaseUrl("DB", "the database") };
      const load = () => loadConfig(setting, { DB: start + query });
      expect(load).toThrow(`DB: it has ${right.issue} (`);
      expect(load).toThrow(/^(?!.*s3cret)/);
    }
  });

  it("has its root certificate read, and the server's checked against it", async () => {
    const folder = await mkdtemp(path.join(tmpdir(), "qrforge-root-"));
    const root = path.join(folder, "ca.crt");
    await writeFile(root, "PEM");
    const tlsOf = (query: string) => readDatabaseUrl(`${start}?sslrootcert=${root}${query}`).options.ssl;
    const checked = { ca: Buffer.from("PEM"), rejectUnauthorized: true };
    for (const query of ["", "&sslmode=verify-full"]) expect(tlsOf(query)).toEqual(checked);
    for (const query of ["&sslmode=require", "&sslmode=verify-ca"]) {
      expect(tlsOf(query)).toEqual({ ...checked, checkServerIdentity: expect.any(Function) });
    }
    await rm(folder, { recursive: true });
  });
});
