import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { connect, type NatsConnection } from "nats";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { checkNats } from "../../cli/doctor/nats.ts";
import { findNatsServer, spawnNats } from "../../dev/nats.ts";
import { newPassword } from "../../dev/password.ts";
import { freePort } from "../../dev/ports.ts";
import { inspectBus } from "../../platform/messaging/bus.ts";
import { inboxOf, type NatsClient, natsClients, natsUserOf, scanQueue } from "../../platform/messaging/users.ts";
import { eventually } from "../support/api.ts";
import { root } from "../support/run.ts";

let folder: string;
let binary: string;
const children: ChildProcess[] = [];
let url: string;
let missing: string | undefined;
const passwords = Object.fromEntries(natsClients.map((client) => [client, newPassword()])) as Record<
  NatsClient,
  string
>;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "qrforge-nats-"));
  const found = await findNatsServer(path.join(root, ".qrforge", "tools"), () => {});
  if ("missing" in found) {
    missing = found.missing;
    return;
  }
  binary = found.binary;
  const port = await freePort();
  url = `nats://127.0.0.1:${port}`;
  children.push(await spawnNats(binary, { port, folder, passwords, logFile: path.join(folder, "nats.log") }));
  await waitFor(url, passwords.operator);
}, 150_000);
afterAll(async () => {
  for (const child of children) {
    const exit = once(child, "exit");
    if (child.kill("SIGTERM")) await exit;
  }
  await rm(folder, { recursive: true, force: true });
});

/** Waits until a server lets the operator in and has JetStream. */
async function waitFor(url: string, password: string): Promise<void> {
  const answers = () =>
    inspectBus({ url, client: "operator", password }, 1_000).then(
      ({ hasJetStream }) => hasJetStream,
      () => false,
    );
  await eventually(answers, Boolean, 20_000);
}

interface User {
  connection: NatsConnection;
  /** What the server has refused so far. */
  violations: string[];
}

async function openUser(client: NatsClient): Promise<User> {
  const options = { servers: url, user: natsUserOf(client), pass: passwords[client] };
  const connection = await connect({ ...options, inboxPrefix: inboxOf(client), reconnect: false });
  const violations: string[] = [];
  void (async () => {
    for await (const { type, permissionContext } of connection.status()) {
      const refused = permissionContext as { operation: string; subject: string } | undefined;
      if (type === "error" && refused) violations.push(`${refused.operation} ${refused.subject}`);
    }
  })();
  return { connection, violations };
}

/** Who may publish and receive on a subject. */
type Row = [subject: string, publishers: NatsClient[], receivers: NatsClient[]];
const { stream, subject } = scanQueue;
const rows: Row[] = [
  ["qrforge.auth.log", ["auth"], ["edge"]],
  ["qrforge.qr.log", ["qr"], ["edge"]],
  ["qrforge.auth.applied", ["edge"], ["auth"]],
  ["qrforge.qr.applied", ["edge"], ["qr"]],
  [subject, ["edge"], []],
  ...natsClients.map((client): Row => [`${inboxOf(client)}.reply`, [], [client]]),
  ["_INBOX.reply", [], []],
  ["_INBOX.>", [], []],
  ["qrforge.>", [], []],
  [">", [], []],
  ["$JS.API.>", [], []],
  ["$SYS.>", [], []],
  [`$JS.API.CONSUMER.MSG.NEXT.${stream}.qr`, ["qr"], []],
  [`$JS.ACK.${stream}.qr.1.1.1.1.0`, ["qr"], []],
  [`$JS.API.CONSUMER.CREATE.${stream}.other`, [], []],
  [`$JS.API.STREAM.CREATE.${stream}`, ["qr"], []],
  ["$JS.API.STREAM.CREATE.other", [], []],
  [`$JS.API.STREAM.INFO.${stream}`, ["operator"], []],
  [`$JS.API.STREAM.DELETE.${stream}`, [], []],
  [`$JS.API.STREAM.PURGE.${stream}`, [], []],
  [`$JS.API.STREAM.MSG.GET.${stream}`, [], []],
];

describe("the doctor at a server without the queue of scans", () => {
  it("says that it is not there, and why it cannot be there", async (context) => {
    context.skip(missing !== undefined, missing);
    const examine = (replicas: number) => checkNats({ url, password: passwords.operator, replicas });
    for (const [replicas, text, advice] of [
      [
        3,
        "NATS_REPLICAS is 3, and this server is no part of a cluster",
        "NATS_REPLICAS=1, or run a cluster of at least 3",
      ],
      [
        2,
        "NATS_REPLICAS is 2, and this server is no part of a cluster",
        "NATS_REPLICAS=1, or run a cluster of at least 2",
      ],
      [1, "the queue of scans is not there", "its log says why"],
    ] as const) {
      expect(await examine(replicas)).toEqual([
        {
          area: "nats",
          level: "wrong",
          text: expect.stringContaining(text),
          advice: expect.stringContaining(advice),
        },
      ]);
    }
  });
});

describe("the users of NATS", () => {
  it.for(natsClients)("let %s publish and receive on its own subjects and no others", async (client, { skip }) => {
    if (missing) return skip(missing);
    const user = await openUser(client);
    const expected: string[] = [];
    for (const [name, publishers, receivers] of rows) {
      if (!/[>*]/.test(name)) {
        user.connection.publish(name);
        if (!publishers.includes(client)) expected.push(`publish ${name}`);
      }
      // Its iterator reports what is refused as well.
      const subscription = user.connection.subscribe(name, { callback: () => {} });
      expect(subscription.isClosed()).toBe(false);
      if (!receivers.includes(client)) expected.push(`subscription ${name}`);
    }
    // The server answers in the order of what it was sent.
    await user.connection.flush();
    const violations = await eventually(
      async () => user.violations,
      ({ length }) => length >= expected.length,
      5_000,
    );
    await user.connection.close();
    expect(violations.sort()).toEqual(expected.sort());
  });

  it("are the only ones let in, and their passwords are in a file that its owner alone reads", async ({ skip }) => {
    if (missing) return skip(missing);
    await expect(connect({ servers: url, reconnect: false })).rejects.toMatchObject({
      code: "AUTHORIZATION_VIOLATION",
    });
    const wrong = { url, client: "auth", password: passwords.qr } as const;
    await expect(inspectBus(wrong, 2_000)).rejects.toMatchObject({ code: "AUTHORIZATION_VIOLATION" });
    expect((await stat(path.join(folder, "nats.json"))).mode & 0o777).toBe(0o600);
    const commandLine = await readFile(`/proc/${children[0]?.pid}/cmdline`, "utf8").catch(() => "");
    const log = await readFile(path.join(folder, "nats.log"), "utf8");
    for (const password of Object.values(passwords)) expect(commandLine + log).not.toContain(password);
  });

  it("sign in with the passwords of docker-compose.yml's files, which may look like numbers", async ({ skip }) => {
    if (missing) return skip(missing);
    const secrets = path.join(folder, "secrets");
    await mkdir(secrets);
    const written: Record<NatsClient, string> = { auth: "12e5", qr: "0x1f", edge: "9k", operator: "1234" };
    for (const client of natsClients)
      await writeFile(path.join(secrets, `nats-${client}-password`), `${written[client]}\n`);
    const { nats } = parse(readFileSync(path.join(root, "docker-compose.yml"), "utf8"), { merge: true }).services;
    const [program, ...flags] = nats.entrypoint;
    const command = String(nats.command[0])
      .replaceAll("$$", "$")
      .replaceAll("/run/secrets/", `${secrets}/`)
      .replace("/etc/nats/nats.conf", path.join(root, "nats.conf"))
      .replace("/data", path.join(folder, "data"))
      .replace(/--http_port 8222\s*$/, `--addr 127.0.0.1 --port ${await freePort()}`);
    const own = `nats://127.0.0.1:${/--port (\d+)/.exec(command)?.[1]}`;
    const env = { ...process.env, PATH: `${path.dirname(binary)}:${process.env.PATH}` };
    children.push(spawn(program, [...flags, command], { env, stdio: "ignore" }));
    await waitFor(own, written.operator);
    for (const client of natsClients) {
      const { hasJetStream } = await inspectBus({ url: own, client, password: written[client] }, 2_000);
      expect(hasJetStream).toBe(true);
    }
    await expect(connect({ servers: own, reconnect: false })).rejects.toMatchObject({
      code: "AUTHORIZATION_VIOLATION",
    });
  });
});
