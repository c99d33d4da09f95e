import path from "node:path";
import { parseArgs } from "node:util";
import { timestampDate } from "@bufbuild/protobuf/wkt";
import { type Account, AccountService, Plan } from "../gen/qrforge/auth/v1/account_pb.ts";
import { type Key, KeyService, KeyStatus } from "../gen/qrforge/auth/v1/key_pb.ts";
import { ConfigError, loadConfig, text } from "../platform/config.ts";
import { Failure } from "../platform/errors.ts";
import { createRpcClient } from "../platform/rpc/client.ts";
import { Problem } from "./problem.ts";
import { readRunFile } from "./run-file.ts";
import { root, settings } from "./settings.ts";

const usage = `Usage: npm run -s admin -- COMMAND [--json]

  account create --email E --plan free|pro|enterprise [--per-minute N --per-day N]
  account list
  account show ACCOUNT_ID
  account set-plan ACCOUNT_ID --plan free|pro|enterprise [--per-minute N --per-day N]
  account disable ACCOUNT_ID
  account enable ACCOUNT_ID
  key create --account ACCOUNT_ID --name NAME
  key list --account ACCOUNT_ID
  key rotate KEY_ID
  key revoke KEY_ID

It talks to the suite that npm start runs here, or to the auth service at AUTH_ADDRESS.`;

const wait = { deadlineMs: 15_000 };
const plans: Record<string, Plan> = { free: Plan.FREE, pro: Plan.PRO, enterprise: Plan.ENTERPRISE };

/** The name of an enum's value in lower case, as it stands in the proto without its prefix. */
function nameOf(values: Record<string, number>, value: number): string {
  return (
    Object.entries(values)
      .find(([, number]) => number === value)?.[0]
      .toLowerCase() ?? String(value)
  );
}

/** What a command answers: an object for --json, and the same for people. */
interface Answer {
  json: object;
  text: string;
}

interface Arguments {
  positional: string[];
  options: {
    email?: string;
    plan?: string;
    account?: string;
    name?: string;
    "per-minute"?: string;
    "per-day"?: string;
  };
}

type Command = (args: Arguments, auth: ReturnType<typeof connect>) => Promise<Answer>;

const commands: Record<string, Command> = {
  "account create": async ({ options }, { accounts }) => {
    const email = required(options.email, "--email");
    const answer = await accounts.client.createAccount({ email, ...readPlan(options) }, wait);
    return accountAnswer(answer.account);
  },
  "account list": async (_, { accounts }) => {
    const all: Account[] = [];
    let pageToken = "";
    do {
      const page = await accounts.client.listAccounts({ pageSize: 1_000, pageToken }, wait);
      all.push(...page.accounts);
      pageToken = page.nextPageToken;
    } while (pageToken !== "");
    const rows = all.map((account) => accountJson(account));
    return { json: { accounts: rows }, text: table(rows) };
  },
  "account show": async ({ positional }, { accounts }) =>
    accountAnswer((await accounts.client.getAccount({ accountId: id(positional, "ACCOUNT_ID") }, wait)).account),
  "account set-plan": async ({ positional, options }, { accounts }) => {
    const request = { accountId: id(positional, "ACCOUNT_ID"), ...readPlan(options) };
    return accountAnswer((await accounts.client.setAccountPlan(request, wait)).account);
  },
  "account disable": async ({ positional }, { accounts }) =>
    accountAnswer((await accounts.client.disableAccount({ accountId: id(positional, "ACCOUNT_ID") }, wait)).account),
  "account enable": async ({ positional }, { accounts }) =>
    accountAnswer((await accounts.client.enableAccount({ accountId: id(positional, "ACCOUNT_ID") }, wait)).account),
  "key create": async ({ options }, { keys }) => {
    const accountId = required(options.account, "--account");
    const { key, secret } = await keys.client.createKey({ accountId, name: required(options.name, "--name") }, wait);
    return secretAnswer(key, secret);
  },
  "key list": async ({ options }, { keys }) => {
    const answer = await keys.client.listKeys({ accountId: required(options.account, "--account") }, wait);
    const rows = answer.keys.map((key) => keyJson(key));
    return { json: { keys: rows }, text: table(rows) };
  },
  "key rotate": async ({ positional }, { keys }) => {
    const { key, secret } = await keys.client.rotateKey({ keyId: id(positional, "KEY_ID") }, wait);
    return secretAnswer(key, secret);
  },
  "key revoke": async ({ positional }, { keys }) => {
    const { key } = await keys.client.revokeKey({ keyId: id(positional, "KEY_ID") }, wait);
    const json = keyJson(key);
    return { json: { key: json }, text: table([json]) };
  },
};

/** The commands that name what they are about in a third word. */
const takesId = new Set([
  ...["account show", "account set-plan", "account disable", "account enable"],
  ...["key rotate", "key revoke"],
]);

function required(value: string | undefined, name: string): string {
  if (!value) throw new Problem(`${name} is missing.\n\n${usage}`);
  return value;
}

function id(positional: string[], name: string): string {
  return required(positional[2], name);
}

function readPlan(options: Arguments["options"]) {
  const plan = plans[required(options.plan, "--plan")];
  if (plan === undefined) throw new Problem("--plan must be free, pro or enterprise.");
  const read = (name: "per-minute" | "per-day") => {
    const value = options[name] ?? "0";
    if (!/^\d{1,15}$/.test(value)) throw new Problem(`--${name} must be a whole number; 0 is unlimited.`);
    return BigInt(value);
  };
  const given = [options["per-minute"], options["per-day"]].filter((value) => value !== undefined).length;
  if (given === 0 && plan !== Plan.ENTERPRISE) return { plan };
  if (given === 1) throw new Problem("Give --per-minute and --per-day together; 0 is unlimited.");
  return { plan, limits: { perMinute: read("per-minute"), perDay: read("per-day") } };
}

function accountJson(account: Account | undefined) {
  if (!account) throw new Error("auth answered without an account");
  return {
    account_id: account.accountId,
    email: account.email,
    plan: nameOf(Plan, account.plan),
    per_minute: Number(account.limits?.perMinute ?? 0),
    per_day: Number(account.limits?.perDay ?? 0),
    disabled: account.disabled,
    created_at: account.createTime ? timestampDate(account.createTime).toISOString() : null,
  };
}

function accountAnswer(account: Account | undefined): Answer {
  const json = accountJson(account);
  return { json: { account: json }, text: table([json]) };
}

function keyJson(key: Key | undefined) {
  if (!key) throw new Error("auth answered without a key");
  return {
    key_id: key.keyId,
    account_id: key.accountId,
    name: key.name,
    key: `${key.prefix}…${key.last4}`,
    status: nameOf(KeyStatus, key.status),
    created_at: key.createTime ? timestampDate(key.createTime).toISOString() : null,
    ended_at: key.endTime ? timestampDate(key.endTime).toISOString() : null,
  };
}

function secretAnswer(key: Key | undefined, secret: string): Answer {
  const json = keyJson(key);
  const warning = "Keep it now: it is shown this once.";
  return { json: { key: json, secret }, text: `${table([json])}\n\n${secret}\n\n${warning}` };
}

/** Rows under the names of their fields. */
function table(rows: Record<string, unknown>[]): string {
  if (!rows[0]) return "none";
  const names = Object.keys(rows[0]);
  const lines = [names, ...rows.map((row) => names.map((name) => String(row[name] ?? "")))];
  const widths = names.map((_, column) => Math.max(...lines.map((line) => (line[column] as string).length)));
  const padded = lines.map((line) => line.map((cell, column) => cell.padEnd(widths[column] as number)).join("  "));
  return padded.map((line) => line.trimEnd()).join("\n");
}

function connect(address: string) {
  return {
    accounts: createRpcClient(AccountService, { address }),
    keys: createRpcClient(KeyService, { address }),
  };
}

async function findAuth(): Promise<string> {
  const config = loadConfig({
    ...settings,
    authAddress: text("AUTH_ADDRESS", "auth's replicas, for a suite elsewhere", ""),
  });
  if (config.authAddress) return config.authAddress;
  const dataDir = path.resolve(root, config.dataDir);
  const listed = await readRunFile(dataDir);
  if (!listed) throw new Problem(`No suite runs in ${dataDir}. Start one with npm start, or set AUTH_ADDRESS.`);
  return listed.auth.map(({ address }) => address).join(",");
}

function readArguments(): Arguments & { json: boolean } {
  const option = { type: "string" } as const;
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: {
        email: option,
        plan: option,
        account: option,
        name: option,
        "per-minute": option,
        "per-day": option,
        json: { type: "boolean", default: false },
      },
    });
    const { json, ...options } = values;
    return { positional: positionals, options, json };
  } catch (error) {
    throw new Problem(`${(error as Error).message}\n\n${usage}`, { cause: error });
  }
}

async function main(): Promise<void> {
  const args = readArguments();
  const name = args.positional.slice(0, 2).join(" ");
  const command = commands[name];
  if (!command) throw new Problem(usage);
  const surplus = args.positional.slice(takesId.has(name) ? 3 : 2);
  if (surplus.length > 0) throw new Problem(`"${name}" takes no "${surplus.join(" ")}".\n\n${usage}`);
  const auth = connect(await findAuth());
  try {
    const answer = await command(args, auth);
    process.stdout.write(`${args.json ? JSON.stringify(answer.json) : answer.text}\n`);
  } finally {
    auth.accounts.close();
    auth.keys.close();
  }
}

main().catch((error) => {
  const json = process.argv.includes("--json");
  const known = error instanceof Problem || error instanceof Failure || error instanceof ConfigError;
  const code = error instanceof Failure ? error.reason.toLowerCase() : "usage";
  if (json && known) process.stdout.write(`${JSON.stringify({ error: { code, message: error.message } })}\n`);
  else process.stderr.write(`${known ? error.message : error.stack}\n`);
  process.exit(1);
});
