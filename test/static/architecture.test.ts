import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { root } from "../support/run.ts";

interface Source {
  file: string;
  text: string;
  /** Paths from the root for relative imports, names for packages. */
  imports: string[];
}

/** Clocks, chance, the network and the process around. */
const impure =
  /Date\.now|new Date\(\)|performance\.now|Math\.random|crypto\.|\bfetch\(|\bprocess\.|\bset(Timeout|Interval)\(/;
const importPattern = /^(?:import|export)\s[^;]*?from\s+"([^"]+)"|^import\s+"([^"]+)"|\bimport\("([^"]+)"\)/gm;

function readSources(folder: string): Source[] {
  const files = readdirSync(path.join(root, folder), { recursive: true, encoding: "utf8" });
  return files
    .filter((name) => name.endsWith(".ts"))
    .map((name) => {
      const file = path.join(folder, name);
      const text = readFileSync(path.join(root, file), "utf8");
      const imports = [...text.matchAll(importPattern)].map(([, from, bare, dynamic]) => {
        const target = (from ?? bare ?? dynamic) as string;
        return target.startsWith(".") ? path.join(path.dirname(file), target) : target;
      });
      return { file, text, imports };
    });
}

const sources = ["contracts", "platform", "services", "cli", "dev", "scripts", "test", "bench"].flatMap(readSources);
const production = sources.filter(({ file }) => !file.endsWith(".test.ts"));
const under = (folder: string) => production.filter(({ file }) => file.startsWith(`${folder}/`));
const serviceOf = (file: string) => /^services\/(\w+)\//.exec(file)?.[1];

/** Each import of each source that the rule forbids, as `file imports target`. */
function offences(among: Source[], forbidden: (target: string, source: Source) => boolean): string[] {
  return among.flatMap((source) =>
    source.imports.filter((target) => forbidden(target, source)).map((target) => `${source.file} imports ${target}`),
  );
}

describe("the architecture", () => {
  it("is seen by this test at all", () => {
    expect(production.length).toBeGreaterThan(40);
    expect(production.find(({ file }) => file === "services/auth/main.ts")?.imports).toContain(
      "platform/process/lifecycle.ts",
    );
  });

  it("services do not import one another", () => {
    const found = offences(under("services"), (target, { file }) => {
      const other = serviceOf(target);
      return other !== undefined && other !== serviceOf(file);
    });
    expect(found).toEqual([]);
  });

  it("platform imports no service and no command", () => {
    expect(offences(under("platform"), (target) => /^(services|cli|test|bench)\//.test(target))).toEqual([]);
  });

  it("contracts import one another alone, do no I/O, and read no clock and no chance", () => {
    const contracts = under("contracts");
    expect(contracts.map(({ file }) => file)).toContain("contracts/redirect-url.ts");
    expect(offences(contracts, (target) => !target.startsWith("contracts/"))).toEqual([]);
    for (const { file, text } of contracts) expect(text, file).not.toMatch(impure);
  });

  it("gen imports protobuf alone", () => {
    const found = offences(readSources("gen"), (target) => !/^(@bufbuild\/protobuf|gen\/)/.test(target));
    expect(found).toEqual([]);
  });

  it("only store/ and platform/postgres import the driver, and only platform/messaging imports nats", () => {
    const all = [...under("services"), ...under("platform"), ...under("cli"), ...under("dev")];
    const found = offences(all, (target, { file }) => {
      if (target === "postgres") return !file.startsWith("platform/postgres/") && !file.includes("/store/");
      return target === "nats" && !file.startsWith("platform/messaging/");
    });
    expect(found).toEqual([]);
  });

  it("in services, stores alone take SQL; start files hand them the pool, and probe the database with select 1", () => {
    const pool = /^(postgres|platform\/postgres\/pool\.ts)$/;
    const users = under("services").filter(({ imports }) => imports.some((target) => pool.test(target)));
    const elsewhere = users.filter(({ file }) => !/^services\/\w+\/(store\/|start\.ts$)/.test(file));
    expect(elsewhere.map(({ file }) => file)).toEqual([]);
    expect(users.filter(({ file }) => file.includes("/store/")).length).toBeGreaterThan(4);
    const starts = users.filter(({ file }) => file.endsWith("/start.ts"));
    for (const { file, text } of starts) expect(text.replace("sql`select 1`", ""), file).not.toMatch(/\bsql`/);
  });

  it("handlers and the edge's routes import neither a driver, nor a store's pool, nor an HTTP module", () => {
    const folders = /^services\/(\w+\/handlers|edge\/(api|dashboard)\/routes)\//;
    const handlers = under("services").filter(({ file }) => folders.test(file));
    expect(new Set(handlers.map(({ file }) => serviceOf(file)))).toEqual(new Set(["auth", "edge", "qr", "quota"]));
    const forbidden =
      /^(postgres|nats|fastify|@fastify\/.*|@connectrpc\/.*|(node:)?(https?|http2|net|tls)|platform\/postgres\/pool\.ts)$/;
    expect(offences(handlers, (target) => forbidden.test(target))).toEqual([]);
  });

  it("the edge has its files in folders of their roles, but for main, config and start", () => {
    const roles = "api|dashboard|http|leaked-key-reports|pipeline|reference|rpc|scans|upstreams";
    const place = new RegExp(`^services/edge/(?:(?:${roles})/.+|(?:main|config|start)\\.ts)$`);
    const edge = sources.filter(({ file }) => file.startsWith("services/edge/"));
    expect(edge.length).toBeGreaterThan(40);
    expect(edge.filter(({ file }) => !place.test(file)).map(({ file }) => file)).toEqual([]);
  });

  it("domain/ does no I/O, reads no clock, and imports no other role", () => {
    const domain = under("services").filter(({ file }) => file.includes("/domain/"));
    expect(domain.length).toBeGreaterThan(12);
    const io = /^(postgres|nats|fastify|@grpc\/|node:(?!(?:crypto|zlib)$))|\/(store|handlers|jobs)\//;
    expect(offences(domain, (target) => io.test(target))).toEqual([]);
    for (const { file, text } of domain) expect(text, file).not.toMatch(impure);
  });

  it("of a service's own files only main, config and start are outside a role's folder", () => {
    const outside = under("services").filter(({ file }) => /^services\/\w+\/[^/]+$/.test(file));
    const names = new Set(outside.map(({ file }) => path.basename(file)));
    expect([...names].sort()).toEqual(expect.arrayContaining(["config.ts", "main.ts", "start.ts"]));
    const others = outside.filter(({ file }) => !/\/(main|config|start)\.ts$/.test(file)).map(({ file }) => file);
    // quota's group commit is what its handler and its store share, and has no folder of its own.
    expect(others.filter((file) => file !== "services/quota/group-commit.ts")).toEqual([]);
  });

  it("main files hold at most 60 lines", () => {
    const mains = under("services").filter(({ file }) => file.endsWith("/main.ts"));
    expect(mains.length).toBe(4);
    for (const { file, text } of mains) expect(text.split("\n").length, file).toBeLessThanOrEqual(60);
  });

  it("process.env is read in platform/process/config.ts, and by commands that pass it on", () => {
    const readers = [...under("platform"), ...under("services")].filter(({ text }) => text.includes("process.env"));
    expect(readers.map(({ file }) => file)).toEqual(["platform/process/config.ts"]);
  });

  it("imports form no cycles", () => {
    const byFile = new Map(production.map((source) => [source.file, source]));
    const done = new Set<string>();
    const visit = (file: string, trail: string[]): void => {
      if (trail.includes(file)) throw new Error(`cycle: ${[...trail, file].join(" → ")}`);
      if (done.has(file)) return;
      for (const target of byFile.get(file)?.imports ?? []) if (byFile.has(target)) visit(target, [...trail, file]);
      done.add(file);
    };
    for (const file of byFile.keys()) visit(file, []);
    expect(done.size).toBe(production.length);
  });

  it("no file is much over 400 lines", () => {
    const long = production.filter(({ text }) => text.split("\n").length > 420).map(({ file }) => file);
    expect(long).toEqual([]);
  });
});
