import { parseArgs } from "node:util";
import { Plan } from "../gen/qrforge/auth/v1/account_pb.ts";
import { loadConfig } from "../platform/config.ts";
import { settings as qrSettings } from "../services/qr/config.ts";
import { signInLink } from "./demo.ts";
import { Problem, runCommand } from "./problem.ts";
import { type MadeAccount, makeAccount } from "./seed/accounts.ts";
import { makeCodes } from "./seed/codes.ts";
import { type Deployment, openDeployment } from "./seed/deployment.ts";
import { type Amounts, planAccounts } from "./seed/plan.ts";
import { planDays } from "./seed/scans.ts";
import { writeScans } from "./seed/tables.ts";
import { writeUsage } from "./seed/usage.ts";
import { createProgress, inParallel, wait } from "./seed/work.ts";
import { operatorSettings } from "./settings.ts";

const usage = `Usage: npm run -s seed -- [--codes N] [--scans N] [--logos N] [--accounts N] [--days N] [--seed N] [--json]

Fills a deployment with made-up data to try it with: accounts of several plans with keys, projects, codes and logos, and
scans over the last --days days. The same --seed makes the same data, but for ids and times; each run adds to what is there.
It writes to the suite that npm start runs here, or to the one at AUTH_ADDRESS, QUOTA_ADDRESS, QR_ADDRESS and DATABASE_URL.`;

/** What may be asked for: what there is unless told, and the bounds. */
const bounds = {
  codes: { fallback: 500, min: 0, max: 1_000_000 },
  scans: { fallback: 50_000, min: 0, max: 1_000_000_000 },
  logos: { fallback: 10, min: 0, max: 10_000 },
  accounts: { fallback: 5, min: 1, max: 10_000 },
  // One day less than counts by hour are kept.
  days: { fallback: 365, min: 1, max: 399 },
  seed: { fallback: 1, min: 0, max: 2 ** 31 - 1 },
} satisfies Record<keyof Amounts, object>;

export const settings = { ...operatorSettings, scanDays: qrSettings.scanDays };

/** Reads the options. Fails with a Problem that says in one line what to change. */
export function readAmounts(args: string[]): Amounts & { json: boolean; help: boolean } {
  const string = { type: "string" } as const;
  const boolean = { type: "boolean", default: false } as const;
  const { values } = parse(() =>
    parseArgs({
      args,
      options: {
        codes: string,
        scans: string,
        logos: string,
        accounts: string,
        days: string,
        seed: string,
        json: boolean,
        help: boolean,
      },
    }),
  );
  const read = (name: keyof Amounts) => {
    const { fallback, min, max } = bounds[name];
    const value = values[name] ?? String(fallback);
    const number = Number(value);
    if (!/^\d{1,10}$/.test(value) || number < min || number > max) {
      throw new Problem(`--${name} must be a whole number from ${min} to ${max}, not "${value}".`);
    }
    return number;
  };
  const amounts = {
    codes: read("codes"),
    scans: read("scans"),
    logos: read("logos"),
    accounts: read("accounts"),
    days: read("days"),
    seed: read("seed"),
  };
  const { codes, scans, logos } = amounts;
  if (values.logos === undefined) amounts.logos = Math.min(logos, codes);
  else if (logos > codes) throw new Problem(`--logos must be at most --codes (${codes}): each logo stands in a code.`);
  if (values.scans === undefined && codes === 0) amounts.scans = 0;
  else if (codes === 0 && scans > 0) throw new Problem("--scans must be 0 if --codes is 0: scans are of codes.");
  return { ...amounts, json: values.json, help: values.help };
}

function parse<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    const [sentence] = (error as Error).message.split(/\. |\n/);
    throw new Problem(`${sentence}. npm run -s seed -- --help lists the options.`, { cause: error });
  }
}

async function fill(to: Deployment, amounts: Amounts, scanDays: number): Promise<MadeAccount[]> {
  const nowMs = Date.now();
  const options = { ...amounts, nowMs };
  const accounts: MadeAccount[] = [];
  const planned = planAccounts(amounts);
  const madeAccounts = createProgress("accounts", planned.length);
  await inParallel(4, planned, async (one) => {
    const account = await makeAccount(to, one, options);
    await writeUsage(to, account, options);
    accounts[one.number] = account;
    madeAccounts(1);
  });
  const codes = await makeCodes(to, accounts, { ...options, progress: createProgress("codes", amounts.codes) });
  const days = planDays(codes, options);
  await writeScans(to.sql, codes, days, { ...options, scanDays, progress: createProgress("scans", amounts.scans) });
  return accounts;
}

const planNames: Record<number, string> = { [Plan.FREE]: "free", [Plan.PRO]: "pro", [Plan.ENTERPRISE]: "enterprise" };
/** How many accounts are shown to people. */
const shownMax = 10;

async function main(): Promise<void> {
  const { json, help, ...amounts } = readAmounts(process.argv.slice(2));
  if (help) {
    process.stdout.write(`${usage}\n`);
    return;
  }
  const config = loadConfig(settings);
  const to = await openDeployment(config);
  try {
    const accounts = await fill(to, amounts, config.scanDays);
    const [largest] = accounts as [MadeAccount];
    const { token } = await to.sessions.createSignInLink({ accountId: largest.accountId, actor: to.actor }, wait);
    const link = signInLink(to.dashboardUrl, token);
    const rows = accounts.map(({ accountId, email, plan, codes, madeKeys, projects, isDisabled }) => ({
      account_id: accountId,
      email,
      plan: planNames[plan] ?? "",
      codes,
      projects: projects.length,
      keys: madeKeys.length,
      disabled: isDisabled,
    }));
    if (json) {
      process.stdout.write(`${JSON.stringify({ ...amounts, accounts: rows, sign_in_link: link })}\n`);
      return;
    }
    for (const { account_id, email, plan, codes } of rows.slice(0, shownMax)) {
      process.stdout.write(`${account_id}  ${plan.padEnd(10)}  ${String(codes).padStart(7)} codes  ${email}\n`);
    }
    if (rows.length > shownMax)
      process.stdout.write(`and ${rows.length - shownMax} more: npm run -s admin -- account list\n`);
    process.stdout.write(`
Sign in to the first, once, within an hour:
  ${link}
To another:
  npm run -s admin -- account sign-in-link ACCOUNT_ID
`);
  } finally {
    await to.close();
  }
}

if (import.meta.main) runCommand(main);
