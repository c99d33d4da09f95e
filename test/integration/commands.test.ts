import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import stringWidth from "string-width";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { adminTool } from "../../cli/admin.ts";
import type { Command } from "../../cli/command.ts";
import { callOf, usageOf } from "../../cli/command-help.ts";
import { slipsFor, unknownId } from "../cases/slips/slips.ts";
import { call, eventually, openAuth } from "../support/api.ts";
import { root } from "../support/run.ts";

const { qrs, edges, auths, quotas, databaseUrl, auditHeads } = inject("cluster");
const auth = openAuth(auths);
afterAll(() => auth.close());

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "qrforge-commands-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

interface Run {
  code: number;
  stdout: string;
  stderr: string;
}

/** Runs a tool as people do; by default it finds the cluster of this test. */
function run(tool: string, args: string[], env: NodeJS.ProcessEnv = {}, node: string[] = []): Promise<Run> {
  const here = {
    ...{ AUTH_ADDRESS: auths.join(","), QUOTA_ADDRESS: quotas.join(","), QR_ADDRESS: qrs.join(",") },
    ...{ DATABASE_URL: "", NATS_URL: "" },
  };
  const options = { cwd: root, env: { ...process.env, ...here, ...env }, timeout: 40_000 };
  return new Promise((resolve) =>
    execFile(process.execPath, [...node, `${folderOf(tool)}/${tool}.ts`, ...args], options, (error, stdout, stderr) => {
      const code = typeof error?.code === "number" ? error.code : error ? -1 : 0;
      resolve({ code, stdout, stderr });
    }),
  );
}

const folderOf = (tool: string) => (tool === "start" ? "dev" : "cli");
const admin = (...args: string[]) => run("admin", args);
let made = 0;
const newEmail = () => `commands-${process.pid}-${made++}@qrforge.example`;

/** Creates a code and returns its slug. */
async function newCode(key: string): Promise<string> {
  const answer = await call(`${edges[0]}/v1/qr-codes`, {
    key,
    body: { name: "n", redirect_url: "https://example.com/" },
  });
  return answer.body.data.slug;
}

/** The words of a command's usage line, filled in: with every option, or with what is required alone. */
async function fillUsage(command: Command, which: "all" | "required"): Promise<string[]> {
  const { accountId, keyId, email, key } = await auth.newAccount();
  const values: Record<string, string> = {
    ACCOUNT: which === "all" ? email : accountId,
    KEY_ID: keyId,
    EMAIL: newEmail(),
    NAME: "shop",
    CODE: await newCode(key),
    TEXT: "phishing",
    N: "5",
    HASH: "",
    KEY_FILE: path.join(folder, `key-${made++}`),
    HEADS_FILE: auditHeads.file,
    PUBLIC_KEY_FILE: auditHeads.publicKeyFile,
  };
  if (command.name === "audit verify") {
    values.HASH = JSON.parse((await admin("audit", "verify", "--json")).stdout).head;
    // auth signs the first head some seconds after the first change.
    await eventually(
      () => stat(auditHeads.file),
      ({ size }) => size > 0,
      30_000,
    );
  }
  const line = usageOf(adminTool, command).slice(callOf(adminTool, "").length + " -- ".length);
  // No mail is sent here: test/fault/mail.test.ts invites by mail.
  const shown =
    which === "all" ? line.replace(" [--mail]", "").replaceAll(/[[\]]/g, "") : line.replaceAll(/ ?\[[^\]]*\]/g, "");
  const words = shown.replaceAll("...", "").split(" ");
  return words.map((word) => {
    if (word.includes("|")) return word.split("|").at(-1) as string;
    if (/^[A-Z_]+$/.test(word)) expect(values, "a placeholder that this test does not know").toHaveProperty(word);
    return values[word] ?? word;
  });
}

describe("each of the operator's commands, called by its own usage line", () => {
  const commands = adminTool.commands.map((command) => [command.name, command] as const);

  /** What must stand before a command can do its work. */
  async function prepare(words: string[]): Promise<void> {
    const [noun, verb, email = ""] = words;
    if (noun === "account" && verb === "uninvite") await admin("account", "invite", email, "--plan", "free");
    // Pro accounts have one active key: another is created by an account of its own.
    if (noun === "key" && verb === "create") {
      await admin("account", "set-plan", words[words.indexOf("--account") + 1] as string, "--plan", "enterprise");
    }
  }

  it.each(commands)("works with what is required: %s", async (_, command) => {
    const words = await fillUsage(command, "required");
    await prepare(words);
    const { code, stdout, stderr } = await admin(...words);
    expect({ code, stderr }, words.join(" ")).toEqual({ code: 0, stderr: expect.not.stringContaining("Help:") });
    expect(stdout).not.toBe("");
  });

  it.each(commands)("works with every option, and prints one JSON object: %s", async (_, command) => {
    const words = await fillUsage(command, "all");
    expect(words).toContain("--json");
    await prepare(words);
    const { code, stdout, stderr } = await admin(...words);
    expect(code, `${words.join(" ")}\n${stderr}`).toBe(0);
    expect(stdout.trimEnd().split("\n")).toHaveLength(1);
    expect(JSON.parse(stdout)).toBeTypeOf("object");
  });
});

describe("audit key", () => {
  it("makes a private key that only its owner can read, and overwrites nothing", async () => {
    const file = path.join(folder, "audit.key");
    expect((await admin("audit", "key", file)).code).toBe(0);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    const before = await readFile(file, "utf8");
    const { code, stderr } = await admin("audit", "key", file);
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining("exists already") });
    expect(await readFile(file, "utf8")).toBe(before);
  });
});

describe("lists", () => {
  /** Makes stdout look like a terminal of 80 columns, which a test has not. */
  const pretence = () => path.join(folder, "terminal.cjs");
  const onTerminal = (args: string[], env: NodeJS.ProcessEnv = {}) => run("admin", args, env, ["-r", pretence()]);
  let accountId: string;

  beforeAll(async () => {
    await writeFile(pretence(), "process.stdout.isTTY = true; process.stdout.columns = 80;");
    ({ accountId } = await auth.newAccount());
    await admin("account", "set-plan", accountId, "--plan", "enterprise");
    for (const name of ["東京の店舗メニュー".repeat(11), "👩‍👩‍👧‍👦".repeat(12), "turned round", "Käse"]) {
      const { code, stderr } = await admin("key", "create", "--account", accountId, "--name", name);
      expect(code, stderr).toBe(0);
    }
    await run("admin", ["account", "disable", accountId], { OPERATOR: "eve\u202e" });
    await run("admin", ["account", "enable", accountId]);
  });

  it.each(["account list", "key list", "audit list", "usage list", "key list --limit 2"])(
    "fit a terminal of 80 columns, and hold nothing that drives it: %s",
    async (line) => {
      const [noun = "", verb = "", ...rest] = line.split(" ");
      const about = noun === "account" ? [] : ["--account", accountId];
      const { code, stdout, stderr } = await onTerminal([noun, verb, ...about, ...rest]);
      expect(code, stderr).toBe(0);
      for (const row of stdout.split("\n")) expect(stringWidth(row), row).toBeLessThanOrEqual(80);
      expect(stdout).not.toMatch(/[^\P{Cc}\n]|[\u202a-\u202e]/u);
      if (noun === "audit") expect(stdout).toContain("operator:eve\\u202e");
    },
  );

  it("are separated by tabs and whole where stdout is no terminal", async () => {
    const { stdout } = await admin("key", "list", "--account", accountId);
    const [head, ...rows] = stdout.trimEnd().split("\n");
    expect(head).toBe("KEY_ID\tNAME\tENDS IN\tSTATUS\tLAST USED");
    expect(rows).toHaveLength(5);
    expect(rows.map((row) => row.split("\t")[1])).toContain("東京の店舗メニュー".repeat(11));
  });

  it("keep a bound, newest first, and say how to see the rest", async () => {
    const names = async (...args: string[]) => {
      const { stdout } = await admin("key", "list", "--account", accountId, ...args, "--json");
      const { keys, more } = JSON.parse(stdout);
      return { names: keys.map(({ name }: { name: string }) => name), more };
    };
    expect(await names("--limit", "1")).toEqual({ names: ["Käse"], more: true });
    expect(await names("--limit", "5")).toMatchObject({ more: false });
    expect((await names("--limit", "1", "--all")).names).toHaveLength(5);
    const { stdout, stderr } = await admin("audit", "list", "--limit", "3");
    expect(stdout.trimEnd().split("\n")).toHaveLength(4);
    expect(stderr).toBe("Shows 3; there are more. --limit N shows N, --all every one.\n");
  });

  it("end quietly when their reader does", async () => {
    const { code, stderr } = await new Promise<Run>((resolve) => {
      const env = { ...process.env, AUTH_ADDRESS: auths.join(",") };
      const command = `"${process.execPath}" cli/admin.ts audit list --all | head -1 >/dev/null`;
      execFile("sh", ["-c", command], { cwd: root, env }, (error, stdout, stderr) =>
        resolve({ code: error ? 1 : 0, stdout, stderr }),
      );
    });
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  });
});

describe("taking codes down", () => {
  it("does those that exist, names those that do not, and puts them back", async () => {
    const { key, accountId } = await auth.newAccount();
    const [one, other] = [await newCode(key), await newCode(key)];
    const scans = () => Promise.all([one, other].map(async (slug) => (await call(`${edges[0]}/${slug}`)).status));
    const taken = await admin("code", "archive", one, "no-such-code", other, "--reason", "phishing");
    expect([taken.code, taken.stderr]).toEqual([1, 'There is no code with the slug or id "no-such-code".\n']);
    expect(taken.stdout).toMatch(/^SLUG\tSTATUS\tACCOUNT_ID\tLEADS TO\n/);
    expect(taken.stdout).toContain(`${one}\ttaken down\t${accountId}\thttps://example.com/\n`);
    expect(taken.stdout).toMatch(/In force on all edges: \d of \d acknowledged/);
    expect(await scans()).toEqual([410, 410]);
    const shown = JSON.parse((await admin("code", "show", one, "--json")).stdout);
    expect(shown.code).toMatchObject({ slug: one, account_id: accountId, status: "archived", reason: "phishing" });
    expect(shown.code.account_email).toContain("@");
    expect((await admin("code", "restore", one, other)).code).toBe(0);
    expect(await scans()).toEqual([302, 302]);
  });

  it("shows that a code's account is disabled", async () => {
    const { key, accountId } = await auth.newAccount();
    const slug = await newCode(key);
    const { stdout } = await admin("account", "disable", accountId);
    expect(stdout).toMatch(/\nKeys: in force on all edges: .*\nCodes: in force on all edges: .*\n$/);
    expect((await admin("code", "show", slug)).stdout).toMatch(/^status: +active, account disabled$/m);
  });
});

describe("a slip", () => {
  beforeAll(async () => {
    const nobody = [{ address: "127.0.0.1:1", pid: 1, metrics: "" }];
    await mkdir(path.join(folder, "gone"));
    const listed = {
      launcher: { pid: 1 },
      edges: [],
      auth: nobody,
      quota: nobody,
      qr: nobody,
      postgres: {},
      nats: null,
    };
    await writeFile(path.join(folder, "gone", "run.json"), JSON.stringify(listed));
    await mkdir(path.join(folder, "unreadable", "run.json"), { recursive: true });
  });

  it.each(slipsFor(databaseUrl))("is answered by one line on stderr, and nothing on stdout: $what", async (slip) => {
    const { tool = "admin", args, env = {}, code, line } = slip;
    const dataDir = env.QRFORGE_DATA_DIR;
    const inFolder = dataDir && !dataDir.startsWith("/") ? { QRFORGE_DATA_DIR: path.join(folder, dataDir) } : {};
    const words = args === "" ? [] : args.split(" ");
    const result = await run(tool, words, { ...env, ...inFolder });
    expect(result.stderr.trimEnd()).toMatch(line);
    expect(result.stderr.split("\n"), result.stderr).toHaveLength(2);
    expect({ code: result.code, stdout: result.stdout }).toEqual({ code, stdout: "" });
  });

  it("is told on stderr with --json as well: stdout is for the answer", async () => {
    const { code, stdout, stderr } = await admin("account", "show", unknownId, "--json");
    expect({ code, stdout, stderr }).toEqual({ code: 1, stdout: "", stderr: "There is no such account.\n" });
  });
});
