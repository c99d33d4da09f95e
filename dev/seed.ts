import { defineTool } from "../cli/command.ts";
import { UsageError } from "../cli/errors.ts";
import { signInLink } from "../cli/links.ts";
import { runTool } from "../cli/run-tool.ts";
import { operatorSettings } from "../cli/settings.ts";
import { Plan } from "../gen/qrforge/auth/v1/account_pb.ts";
import { loadConfig } from "../platform/process/config.ts";
import { settings as qrSettings } from "../services/qr/config.ts";
import { type MadeAccount, makeAccount } from "./seed/accounts.ts";
import { makeCodes } from "./seed/codes.ts";
import { type Deployment, openDeployment } from "./seed/deployment.ts";
import { type Amounts, planAccounts } from "./seed/plan.ts";
import { planDays } from "./seed/scans.ts";
import { writeScans } from "./seed/tables.ts";
import { writeUsage } from "./seed/usage.ts";
import { createProgress, inParallel, wait } from "./seed/work.ts";

export const settings = { ...operatorSettings, scanDays: qrSettings.scanDays };

const json = { type: "flag", meaning: "prints one JSON object" } as const;
const amount = { type: "integer", value: "N" } as const;
/** Default numbers. */
const fallback = { scans: 50_000, logos: 10 };

export const seedTool = defineTool({
  call: "npm run -s seed",
  summary: "Fills a deployment with made-up data to try it with.",
  details:
    "It makes accounts of all plans with keys, projects, codes and logos, and scans over the last --days days, in the suite " +
    "that npm start runs here, or in the one at AUTH_ADDRESS, QUOTA_ADDRESS, QR_ADDRESS and DATABASE_URL. The same --seed makes " +
    "the same data, except for ids and times. Each run adds to what is there, and nothing removes it again.",
  options: {
    codes: { ...amount, default: 500, max: 1_000_000, meaning: "how many codes" },
    scans: { ...amount, max: 1_000_000_000, meaning: `how many scans of them; ${fallback.scans} if left out` },
    logos: {
      ...amount,
      max: 10_000,
      meaning: `how many different logos, each in one code or more; ${fallback.logos}, or one for each code, if left out`,
    },
    accounts: { ...amount, default: 5, min: 1, max: 10_000, meaning: "how many accounts" },
    // One day less than the retention of counts by hour.
    days: { ...amount, default: 365, min: 1, max: 399, meaning: "over how many days the scans are spread" },
    seed: { ...amount, default: 1, max: 2 ** 31 - 1, meaning: "which data is made" },
    json,
  },
  run: ({ json, ...asked }) => seed(completeAmounts(asked), json),
});

type Asked = Omit<Amounts, "scans" | "logos"> & { scans: number | undefined; logos: number | undefined };

/** Adds defaults for missing numbers. Fails with a UsageError if the numbers contradict each other. */
export function completeAmounts(asked: Asked): Amounts {
  const { codes } = asked;
  const { logos = Math.min(codes, fallback.logos), scans = codes === 0 ? 0 : fallback.scans } = asked;
  if (logos > codes) throw new UsageError(`--logos must be at most --codes (${codes}): each logo stands in a code.`);
  if (codes === 0 && scans > 0) throw new UsageError("--scans must be 0 if --codes is 0: scans are of codes.");
  return { ...asked, logos, scans };
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
/** Number of accounts in the summary. */
const shownMax = 10;

async function seed(amounts: Amounts, json: boolean): Promise<void> {
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
  npm run -s admin -- account sign-in-link ACCOUNT
`);
  } finally {
    await to.close();
  }
}

if (import.meta.main) runTool(seedTool);
