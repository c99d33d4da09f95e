import { readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import type { PeerCertificate } from "node:tls";
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
      const { url, options } = readDatabaseUrl(start + query);
      expect(url).toBe(start + (right.left ?? ""));
      expect(JSON.parse(JSON.stringify(options))).toEqual(right.driver);
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
    for (const query of ["", "&sslmode=verify-full", "&sslmode=require", "&sslmode=verify-ca"]) {
      expect(tlsOf(query)).toMatchObject({ ca: Buffer.from("PEM"), rejectUnauthorized: true });
    }
    await rm(folder, { recursive: true });
  });

  it("has the server's certificate checked for its host, be it a name or an address", () => {
    const isRefused = (hosts: string, mode: string, host: string, subjectaltname: string) => {
      const { ssl } = readDatabaseUrl(`postgres://ann@${hosts}/codes?sslmode=${mode}`).options;
      const check = typeof ssl === "object" ? ssl.checkServerIdentity : undefined;
      return check?.(host, { subject: { CN: "" }, subjectaltname } as PeerCertificate) instanceof Error;
    };
    expect(isRefused("db.example:5432", "verify-full", "db.example", "DNS:db.example")).toBe(false);
    expect(isRefused("db.example:5432", "verify-full", "db.example", "DNS:localhost")).toBe(true);
    // What Node says in place of an address.
    expect(isRefused("192.0.2.1", "verify-full", "localhost", "DNS:localhost")).toBe(true);
    expect(isRefused("192.0.2.1", "verify-full", "localhost", "IP Address:192.0.2.1")).toBe(false);
    expect(isRefused("192.0.2.1:1,[2001:db8::1]:2", "verify-full", "localhost", "IP Address:2001:DB8::1")).toBe(false);
    expect(isRefused("192.0.2.1", "verify-ca", "localhost", "DNS:other")).toBe(false);
  });
});
