import { type Account, Plan } from "../../gen/qrforge/auth/v1/account_pb.ts";
import type { Propagation } from "../../gen/qrforge/common/v1/lease_pb.ts";
import { UsageError } from "../errors.ts";
import { invitationLink, signInLink } from "../links.ts";
import { type Column, card, shortTime, table } from "../table.ts";
import {
  type Answer,
  accountInput,
  adminCommand,
  describePropagation,
  findAccountId,
  isoTime,
  listOptions,
  nameOf,
  type Propagated,
  propagationJson,
  readPages,
  wait,
} from "./context.ts";

const plans = { free: Plan.FREE, pro: Plan.PRO, enterprise: Plan.ENTERPRISE };

const accountArgument = { account: accountInput };

const emailArgument = {
  email: { type: "text", value: "EMAIL", meaning: "the e-mail address of the person", required: true },
} as const;

const planOptions = {
  plan: {
    type: "text",
    choices: ["free", "pro", "enterprise"],
    meaning: "what the account subscribes to",
    required: true,
  },
  perMinute: {
    type: "integer",
    value: "N",
    meaning: "requests a minute of an enterprise account, with --per-day; 0 is unlimited",
    max: 1_000_000_000,
  },
  perDay: {
    type: "integer",
    value: "N",
    meaning: "requests a day of an enterprise account, with --per-minute; 0 is unlimited",
    max: 1_000_000_000_000,
  },
} as const;

const { required: _, ...planThatMayBeLeftOut } = planOptions.plan;
const invitationOptions = { ...planOptions, plan: { ...planThatMayBeLeftOut, default: "free" } } as const;

/** The plan and limits of a request. An enterprise account without limits is unlimited. */
function readPlan(values: { plan: keyof typeof plans; perMinute?: number | undefined; perDay?: number | undefined }) {
  const { plan, perMinute, perDay } = values;
  if ((perMinute === undefined) !== (perDay === undefined)) {
    throw new UsageError("--per-minute and --per-day must be given together; 0 is unlimited.");
  }
  if (perMinute === undefined || perDay === undefined) {
    return { plan: plans[plan], ...(plan === "enterprise" && { limits: { perMinute: 0n, perDay: 0n } }) };
  }
  if (plan !== "enterprise") throw new UsageError(`--per-minute and --per-day are for --plan enterprise, not ${plan}.`);
  return { plan: plans[plan], limits: { perMinute: BigInt(perMinute), perDay: BigInt(perDay) } };
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
    created_at: isoTime(account.createTime),
  };
}

type AccountJson = ReturnType<typeof accountJson>;

const columns: Column<AccountJson>[] = [
  { title: "ACCOUNT_ID", of: (account) => account.account_id },
  { title: "EMAIL", of: (account) => account.email, shrinks: true },
  { title: "PLAN", of: (account) => account.plan },
  { title: "STATUS", of: statusOf },
  { title: "CREATED", of: (account) => shortTime(account.created_at) },
];

function statusOf({ disabled }: AccountJson): string {
  return disabled ? "disabled" : "active";
}

function accountCard(account: AccountJson): string {
  const limit = (count: number) => (count === 0 ? "unlimited" : count.toLocaleString("en"));
  return card({
    account_id: account.account_id,
    email: account.email,
    plan: account.plan,
    per_minute: limit(account.per_minute),
    per_day: limit(account.per_day),
    status: statusOf(account),
    created: shortTime(account.created_at),
  });
}

function accountAnswer(account: Account | undefined): Answer {
  const json = accountJson(account);
  return { json: { account: json }, text: accountCard(json) };
}

/** Returns the answer to a change of an account's keys and codes. */
function stateAnswer(
  answer: Parameters<typeof changeAnswer>[0] & { codePropagation?: Propagation | undefined },
): Answer {
  const { json } = changeAnswer(answer);
  const codes = { propagation: answer.codePropagation };
  const describe = (propagated: Propagated) => describePropagation(propagated).replace(/^I/, "i");
  return {
    json: { ...json, code_propagation: propagationJson(codes) },
    text: `${accountCard(accountJson(answer.account))}\n\nKeys: ${describe(answer)}\nCodes: ${describe(codes)}`,
  };
}

function changeAnswer(answer: { account?: Account | undefined; propagation?: Propagation | undefined }): Answer {
  const json = accountJson(answer.account);
  return {
    json: { account: json, propagation: propagationJson(answer) },
    text: `${accountCard(json)}\n\n${describePropagation(answer)}`,
  };
}

export const accountCommands = [
  adminCommand({
    name: "account create",
    summary: "Creates an account.",
    options: {
      email: { type: "text", value: "EMAIL", meaning: "the e-mail address of its owner", required: true },
      ...planOptions,
    },
    async run(values, { accounts, actor }) {
      const answer = await accounts.createAccount({ email: values.email, ...readPlan(values), actor }, wait);
      return accountAnswer(answer.account);
    },
  }),
  adminCommand({
    name: "account list",
    summary: "Lists accounts, newest first.",
    options: listOptions,
    async run(values, { accounts }) {
      const { rows, more, note } = await readPages(values, async (pageToken, pageSize) => {
        const page = await accounts.listAccounts({ pageSize, pageToken }, wait);
        return { rows: page.accounts.map(accountJson), nextPageToken: page.nextPageToken };
      });
      return { json: { accounts: rows, more }, text: table(columns, rows), note };
    },
  }),
  adminCommand({
    name: "account show",
    summary: "Shows one account.",
    arguments: accountArgument,
    async run({ account }, { accounts }) {
      const accountId = await findAccountId(account, { accounts });
      return accountAnswer((await accounts.getAccount({ accountId }, wait)).account);
    },
  }),
  adminCommand({
    name: "account set-plan",
    summary: "Puts an account on a plan, with its limits; in force on every edge when it returns.",
    arguments: accountArgument,
    options: planOptions,
    async run(values, { accounts, actor }) {
      const plan = readPlan(values);
      const request = { accountId: await findAccountId(values.account, { accounts }), ...plan, actor };
      return changeAnswer(await accounts.setAccountPlan(request, wait));
    },
  }),
  adminCommand({
    name: "account set-email",
    summary: "Gives an account another e-mail address, and ends its sessions and links.",
    details: `Hands an address over: give the account that has it another one, then the address is free. Make sure first that the
person who asks owns the address. Where mail is set up, the old address gets a notice.`,
    arguments: { ...accountArgument, email: { ...emailArgument.email, meaning: "the new e-mail address" } },
    async run({ account, email }, { accounts, actor }) {
      const accountId = await findAccountId(account, { accounts });
      return accountAnswer((await accounts.setAccountEmail({ accountId, email, actor }, wait)).account);
    },
  }),
  adminCommand({
    name: "account disable",
    summary:
      "Refuses all keys and sessions of an account and takes down its codes, until it is enabled; in force on every edge when it returns.",
    arguments: accountArgument,
    async run({ account }, { accounts, actor }) {
      const accountId = await findAccountId(account, { accounts });
      return stateAnswer(await accounts.disableAccount({ accountId, actor }, wait));
    },
  }),
  adminCommand({
    name: "account enable",
    summary:
      "Lets the active keys and the codes of a disabled account work again; in force on every edge when it returns.",
    arguments: accountArgument,
    async run({ account }, { accounts, actor }) {
      const accountId = await findAccountId(account, { accounts });
      return stateAnswer(await accounts.enableAccount({ accountId, actor }, wait));
    },
  }),
  adminCommand({
    name: "account invite",
    summary: "Makes a link with which a person sets a password and gets an account, once, within 7 days.",
    details: `Send it as you would send a password, or have it sent with --mail. A new link to the same address ends the one before. It
is refused while auth runs with SIGN_UP=closed.`,
    arguments: emailArgument,
    options: { ...invitationOptions, mail: { type: "flag", meaning: "sends the link by mail instead of printing it" } },
    async run(values, { invitations, actor, dashboardUrl }) {
      const request = { email: values.email, ...readPlan(values), actor, sendMail: values.mail };
      const { token, accountId, email, expireTime } = await invitations.createInvitation(request, wait);
      if (values.mail) {
        const text = `A mail to ${email} is on its way. Its link makes the account, once, within 7 days.`;
        return { json: { email, account_id: accountId }, text };
      }
      const link = invitationLink(dashboardUrl, token);
      const expires_at = isoTime(expireTime);
      return {
        json: { link, email, account_id: accountId, expires_at },
        text: `${link}\n\nIt makes the account of ${email}, once, until ${shortTime(expires_at)} UTC.`,
      };
    },
  }),
  adminCommand({
    name: "account uninvite",
    summary: "Ends the invitation of an address before it is accepted.",
    arguments: emailArgument,
    async run({ email }, { invitations, actor }) {
      await invitations.deleteInvitation({ email, actor }, wait);
      return { json: { email }, text: `The invitation of ${email} can no longer be accepted.` };
    },
  }),
  adminCommand({
    name: "account sign-in-link",
    summary: "Makes a link that signs a person in to an account, once, within an hour.",
    details: "Send it to somebody who has lost the password: the dashboard's account page sets a new one.",
    arguments: accountArgument,
    async run({ account }, { accounts, sessions, actor, dashboardUrl }) {
      const accountId = await findAccountId(account, { accounts });
      const { token, expireTime } = await sessions.createSignInLink({ accountId, actor }, wait);
      const link = signInLink(dashboardUrl, token);
      const text = `${link}\n\nWhoever opens it is signed in to the account. It works once, within an hour.`;
      return { json: { link, expires_at: isoTime(expireTime) }, text };
    },
  }),
];
