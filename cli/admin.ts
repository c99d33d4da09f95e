import { parseArgs } from "node:util";
import { timestampDate } from "@bufbuild/protobuf/wkt";
import { type Account, AccountService, Plan } from "../gen/qrforge/auth/v1/account_pb.ts";
import { type AuditEntry, AuditService } from "../gen/qrforge/auth/v1/audit_pb.ts";
import { type Key, KeyService, KeyStatus } from "../gen/qrforge/auth/v1/key_pb.ts";
import { SessionService } from "../gen/qrforge/auth/v1/session_pb.ts";
import type { Propagation } from "../gen/qrforge/common/v1/lease_pb.ts";
import { type KeyUsage, QuotaService } from "../gen/qrforge/quota/v1/quota_pb.ts";
import { ConfigError, loadConfig } from "../platform/config.ts";
import { Failure } from "../platform/errors.ts";
import { createRpcClient } from "../platform/rpc/client.ts";
import type { TlsFiles } from "../platform/rpc/tls.ts";
import { signInLink } from "./demo.ts";
import { Problem } from "./problem.ts";
import { requireRunFile } from "./run-file.ts";
import { operatorSettings, userName } from "./settings.ts";

const usage = `Usage: npm run -s admin -- COMMAND [--json]

  account create --email E --plan free|pro|enterprise [--per-minute N --per-day N]
  account list
  account show ACCOUNT_ID
  account set-plan ACCOUNT_ID --plan free|pro|enterprise [--per-minute N --per-day N]
  account disable ACCOUNT_ID
  account enable ACCOUNT_ID
  account sign-in-link ACCOUNT_ID
  key create --account ACCOUNT_ID --name NAME
  key list --account ACCOUNT_ID
  key rotate KEY_ID
  key revoke KEY_ID
  usage list --account ACCOUNT_ID [--days N]
  audit list [--account ACCOUNT_ID]
  audit verify

It talks to the suite that npm start runs here, or to the services at AUTH_ADDRESS and QUOTA_ADDRESS.`;

const wait = { deadlineMs: 15_000 };
const { operator } = loadConfig({ operator: operatorSettings.operator });
const actor = { name: `operator:${operator || userName()}`, address: "" };
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
  /** Where people reach the dashboard. */
  dashboardUrl: string;
  options: {
    email?: string;
    plan?: string;
    account?: string;
    name?: string;
    "per-minute"?: string;
    "per-day"?: string;
    days?: string;
  };
}

type Command = (args: Arguments, services: ReturnType<typeof connect>) => Promise<Answer>;

const commands: Record<string, Command> = {
  "account create": async ({ options }, { accounts }) => {
    const email = required(options.email, "--email");
    const answer = await accounts.client.createAccount({ email, ...readPlan(options), actor }, wait);
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
    const request = { accountId: id(positional, "ACCOUNT_ID"), ...readPlan(options), actor };
    return changeAnswer(await accounts.client.setAccountPlan(request, wait));
  },
  "account disable": async ({ positional }, { accounts }) =>
    changeAnswer(await accounts.client.disableAccount({ accountId: id(positional, "ACCOUNT_ID"), actor }, wait)),
  "account enable": async ({ positional }, { accounts }) =>
    changeAnswer(await accounts.client.enableAccount({ accountId: id(positional, "ACCOUNT_ID"), actor }, wait)),
  "account sign-in-link": async ({ positional, dashboardUrl }, { sessions }) => {
    const accountId = id(positional, "ACCOUNT_ID");
    const { token, expireTime } = await sessions.client.createSignInLink({ accountId, actor }, wait);
    const link = signInLink(dashboardUrl, token);
    const text = `${link}\n\nIt signs whoever opens it in to the account, once, within an hour.`;
    return { json: { link, expires_at: expireTime && timestampDate(expireTime).toISOString() }, text };
  },
  "key create": async ({ options }, { keys }) => {
    const accountId = required(options.account, "--account");
    const { key, secret } = await keys.client.createKey(
      { accountId, name: required(options.name, "--name"), actor },
      wait,
    );
    return secretAnswer(key, secret);
  },
  "key list": async ({ options }, { keys }) => {
    const accountId = required(options.account, "--account");
    const rows: ReturnType<typeof keyJson>[] = [];
    let pageToken = "";
    do {
      const page = await keys.client.listKeys({ accountId, pageToken }, wait);
      rows.push(...page.keys.map((key) => keyJson(key)));
      pageToken = page.nextPageToken;
    } while (pageToken !== "");
    return { json: { keys: rows }, text: table(rows) };
  },
  "key rotate": async ({ positional }, { keys }) => {
    const answer = await keys.client.rotateKey({ keyId: id(positional, "KEY_ID"), actor }, wait);
    const { json, text } = secretAnswer(answer.key, answer.secret);
    return { json: { ...json, propagation: propagation(answer) }, text: `${text}\n\n${reach(answer)}` };
  },
  "key revoke": async ({ positional }, { keys }) => {
    const answer = await keys.client.revokeKey({ keyId: id(positional, "KEY_ID"), actor }, wait);
    const json = keyJson(answer.key);
    return { json: { key: json, propagation: propagation(answer) }, text: `${table([json])}\n\n${reach(answer)}` };
  },
  "usage list": async ({ options }, { quota }) => {
    const accountId = required(options.account, "--account");
    const days = Number(options.days ?? "30");
    if (!Number.isInteger(days) || days < 1 || days > 400) throw new Problem("--days must be from 1 to 400.");
    const dateOf = (ms: number) => new Date(ms).toISOString().slice(0, 10);
    const range = { accountId, fromDate: dateOf(Date.now() - (days - 1) * 86_400_000), toDate: dateOf(Date.now()) };
    const totals = (await quota.client.listDailyUsage(range, wait)).days;
    const keys: KeyUsage[] = [];
    let pageToken = "";
    do {
      const page = await quota.client.listKeyUsage({ ...range, pageToken }, wait);
      keys.push(...page.usages);
      pageToken = page.nextPageToken;
    } while (pageToken !== "");
    const usage = totals.map(({ date, used }) => ({ date, used: Number(used) }));
    const by_key = keys.map(({ date, keyId, admitted, refused }) => ({
      date,
      key_id: keyId,
      admitted: Number(admitted),
      refused: Number(refused),
    }));
    return { json: { usage, by_key }, text: `${table(usage)}\n\n${table(by_key)}` };
  },
  "audit list": async ({ options }, { audit }) => {
    const entries: AuditEntry[] = [];
    let page: AuditEntry[];
    do {
      const before = entries.at(-1)?.sequence ?? 0n;
      const request = { accountId: options.account ?? "", pageSize: 1_000, before };
      page = (await audit.client.listAuditEntries(request, wait)).entries;
      entries.push(...page);
    } while (page.length === 1_000);
    const rows = entries.map((entry) => ({
      sequence: Number(entry.sequence),
      time: entry.time ? timestampDate(entry.time).toISOString() : null,
      actor: entry.actor,
      address: entry.address,
      action: entry.action,
      account_id: entry.accountId,
      key_id: entry.keyId,
      details: JSON.parse(entry.details),
    }));
    return {
      json: { entries: rows },
      text: table(rows.map((row) => ({ ...row, details: JSON.stringify(row.details) }))),
    };
  },
  "audit verify": async (_, { audit }) => {
    let checked = 0n;
    let hash = new Uint8Array();
    for (;;) {
      const answer = await audit.client.verifyAuditTrail({ checked, hash }, wait);
      checked = answer.checked;
      hash = new Uint8Array(answer.hash);
      if (!answer.done) {
        process.stderr.write(`${checked} of ${answer.total} entries are in order so far\n`);
        continue;
      }
      if (answer.fault === 0n) {
        const text = `The audit trail is in order: ${checked} entries.`;
        return { json: { ok: true, entries: Number(checked) }, text };
      }
      const fault = { sequence: Number(answer.fault), problem: answer.problem };
      process.exitCode = 1;
      return {
        json: { ok: false, fault },
        text: `Entry ${fault.sequence} ${fault.problem}; those before it are in order.`,
      };
    }
  },
};

function propagation(answer: { propagation?: Propagation }) {
  const { acknowledgedCount = 0, waitedOutCount = 0, elapsedMs = 0 } = answer.propagation ?? {};
  return { acknowledged: acknowledgedCount, waited_out: waitedOutCount, elapsed_ms: Math.round(elapsedMs * 10) / 10 };
}

/** How a change reached the edges, in words. */
function reach(answer: { propagation?: Propagation }): string {
  const { acknowledged, waited_out, elapsed_ms } = propagation(answer);
  const rest = waited_out > 0 ? `; ${waited_out} did not answer, and their leases have run out` : "";
  return `In force on all edges: ${acknowledged} of ${acknowledged + waited_out} acknowledged in ${elapsed_ms} ms${rest}.`;
}

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

function changeAnswer(answer: { account?: Account; propagation?: Propagation }): Answer {
  const json = accountJson(answer.account);
  return { json: { account: json, propagation: propagation(answer) }, text: `${table([json])}\n\n${reach(answer)}` };
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
    created_by: key.createdBy,
    last_used_at: key.lastUseTime ? timestampDate(key.lastUseTime).toISOString() : null,
    age_days: key.ageDays,
    rotate_suggested_at: key.rotateSuggestTime ? timestampDate(key.rotateSuggestTime).toISOString() : null,
    rotate_after: key.rotateAfterTime ? timestampDate(key.rotateAfterTime).toISOString() : null,
    ended_at: key.endTime ? timestampDate(key.endTime).toISOString() : null,
    ended_by: key.endedBy,
    replaced_by: key.replacedBy,
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

function connect({ auth, quota }: Found) {
  return {
    sessions: createRpcClient(SessionService, auth),
    accounts: createRpcClient(AccountService, auth),
    keys: createRpcClient(KeyService, auth),
    audit: createRpcClient(AuditService, auth),
    quota: createRpcClient(QuotaService, quota),
  };
}

interface Found {
  auth: { address: string; tls: TlsFiles };
  quota: { address: string; tls: TlsFiles };
  /** Where people reach the dashboard. */
  dashboardUrl: string;
}

async function findServices(): Promise<Found> {
  const config = loadConfig(operatorSettings);
  const at = (address: string) => ({ address, tls: config });
  if (config.authAddress || config.quotaAddress) {
    return {
      auth: at(config.authAddress || "127.0.0.1:50051"),
      quota: at(config.quotaAddress || "127.0.0.1:50052"),
      dashboardUrl: config.publicUrl || "http://localhost:8080",
    };
  }
  const listed = await requireRunFile(config.dataDir, "set AUTH_ADDRESS");
  const addresses = (members: { address: string }[]) => members.map(({ address }) => address).join(",");
  const dashboardUrl = config.publicUrl || (listed.edges[0]?.url ?? "").replace("127.0.0.1", "localhost");
  return { auth: at(addresses(listed.auth)), quota: at(addresses(listed.quota)), dashboardUrl };
}

function readArguments(): Omit<Arguments, "dashboardUrl"> & { json: boolean } {
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
        days: option,
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
  const found = await findServices();
  const services = connect(found);
  try {
    const answer = await command({ ...args, dashboardUrl: found.dashboardUrl }, services);
    process.stdout.write(`${args.json ? JSON.stringify(answer.json) : answer.text}\n`);
  } finally {
    for (const { close } of Object.values(services)) close();
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
