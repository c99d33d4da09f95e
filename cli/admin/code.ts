import { QrCodeStatus } from "../../gen/qrforge/qr/v1/qr_code_pb.ts";
import type { FoundQrCode } from "../../gen/qrforge/qr/v1/takedown_pb.ts";
import { UsageError, UserError } from "../errors.ts";
import { type Column, card, shortTime, table } from "../table.ts";
import { nameOfCode } from "./code-name.ts";
import {
  type Admin,
  type Answer,
  adminCommand,
  describePropagation,
  isoTime,
  nameOf,
  type Propagated,
  propagationJson,
  wait,
} from "./context.ts";

/** Maximum number of codes in one command. */
const codesMax = 100;

const codeArgument = {
  code: { type: "text", value: "CODE", meaning: "the code's slug, id or short URL", required: true },
} as const;

const codesArgument = {
  codes: {
    type: "text",
    value: "CODE",
    meaning: `slugs, ids or short URLs of codes, of any accounts, at most ${codesMax}`,
    required: true,
    repeatable: true,
  },
} as const;

function codeJson({ qrCode, takedownTime, takedownReason, accountDisabled }: FoundQrCode) {
  if (!qrCode) return undefined;
  return {
    code_id: qrCode.qrCodeId,
    slug: qrCode.slug,
    short_url: qrCode.shortUrl,
    name: qrCode.name,
    redirect_url: qrCode.redirectUrl,
    status: nameOf(QrCodeStatus, qrCode.status),
    taken_down_at: isoTime(takedownTime),
    reason: takedownReason,
    account_id: qrCode.accountId,
    account_disabled: accountDisabled,
    scan_count: Number(qrCode.scanCount),
    created_at: isoTime(qrCode.createTime),
    updated_at: isoTime(qrCode.updateTime),
  };
}

type CodeJson = NonNullable<ReturnType<typeof codeJson>>;

function statusOf({ status, taken_down_at, account_disabled }: CodeJson): string {
  const own = taken_down_at ? "taken down" : status;
  return account_disabled ? `${own}, account disabled` : own;
}

const columns: Column<CodeJson>[] = [
  { title: "SLUG", of: (code) => code.slug, shrinks: true },
  { title: "STATUS", of: statusOf },
  { title: "ACCOUNT_ID", of: (code) => code.account_id },
  { title: "LEADS TO", of: (code) => code.redirect_url, shrinks: true },
];

/** Reads the codes with these ids or slugs. Throws a UserError if there is none at all. */
async function readCodes(names: string[], { codes }: Admin): Promise<{ found: CodeJson[]; unknown: string[] }> {
  if (names.length > codesMax) throw new UsageError(`At most ${codesMax} codes at once, not ${names.length}.`);
  const answer = await codes.findQrCodes({ idsOrSlugs: names }, wait);
  const rows = answer.found.map(codeJson);
  const unknown = names.filter((_, index) => rows[index] === undefined);
  if (unknown.length === names.length) throw new UserError(noSuchCodes(unknown));
  const byId = new Map(rows.flatMap((row) => (row ? [[row.code_id, row]] : [])));
  return { found: [...byId.values()], unknown };
}

function noSuchCodes(names: string[]): string {
  return `There is no code with the slug or id ${names.map((name) => JSON.stringify(name)).join(", ")}.`;
}

/** Changes codes, and returns them as they are then. Exits with 1 if a name was unknown; the others are changed. */
async function changeCodes(names: string[], admin: Admin, change: () => Promise<Propagated>): Promise<Answer> {
  await readCodes(names, admin);
  const propagated = await change();
  const { found, unknown } = await readCodes(names, admin);
  if (unknown.length > 0) process.exitCode = 1;
  return {
    json: { codes: found, unknown, propagation: propagationJson(propagated) },
    text: `${table(columns, found)}\n\n${describePropagation(propagated)}`,
    note: unknown.length > 0 ? noSuchCodes(unknown) : undefined,
  };
}

export const codeCommands = [
  adminCommand({
    name: "code show",
    summary: "Shows a code of any account, and whose it is.",
    arguments: codeArgument,
    calls: ["auth", "qr"],
    async run({ code: name }, admin) {
      const { found } = await readCodes([nameOfCode(name)], admin);
      const [code] = found;
      if (!code) throw new UserError(noSuchCodes([name]));
      const { account } = await admin.accounts.getAccount({ accountId: code.account_id }, wait);
      const account_email = account?.email ?? "";
      const text = card({
        ...code,
        status: statusOf(code),
        taken_down_at: shortTime(code.taken_down_at),
        account_email,
        account_disabled: undefined,
        created_at: shortTime(code.created_at),
        updated_at: shortTime(code.updated_at),
      });
      return { json: { code: { ...code, account_email } }, text };
    },
  }),
  adminCommand({
    name: "code archive",
    summary: "Takes codes down, whoever owns them: scans get 410 on every edge when it returns.",
    details: `Their owners can neither change nor restore them, and their slugs are never free again. Exits with 1 if a name is
unknown; the other codes are taken down.`,
    arguments: codesArgument,
    options: {
      reason: {
        type: "text",
        value: "TEXT",
        meaning: "why, at most 500 characters; the owner can read it in the audit trail",
        default: "",
      },
    },
    calls: ["auth", "qr"],
    run({ codes, reason }, admin) {
      const idsOrSlugs = codes.map(nameOfCode);
      return changeCodes(idsOrSlugs, admin, () =>
        admin.takedowns.takeDownQrCodes({ idsOrSlugs, reason, actor: admin.actor }, wait),
      );
    },
  }),
  adminCommand({
    name: "code restore",
    summary: "Puts back codes that were taken down, in the status that they had before.",
    details:
      "A code that its owner archived is left archived. Exits with 1 if a name is unknown; the other codes are put back.",
    arguments: codesArgument,
    calls: ["auth", "qr"],
    run({ codes }, admin) {
      const idsOrSlugs = codes.map(nameOfCode);
      return changeCodes(idsOrSlugs, admin, () =>
        admin.takedowns.putBackQrCodes({ idsOrSlugs, actor: admin.actor }, wait),
      );
    },
  }),
];
