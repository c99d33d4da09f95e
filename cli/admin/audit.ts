import type { AuditEntry } from "../../gen/qrforge/auth/v1/audit_pb.ts";
import { type Column, shortTime, table } from "../table.ts";
import { auditKeyCommand, readHeads } from "./audit-heads.ts";
import { describeFault, describeTrail, verifyTrail } from "./audit-trail.ts";
import { accountInput, adminCommand, findAccountId, isoTime, listOptions, readPages, wait } from "./context.ts";

function entryJson(entry: AuditEntry) {
  return {
    sequence: Number(entry.sequence),
    time: isoTime(entry.time),
    actor: entry.actor,
    address: entry.address,
    action: entry.action,
    account_id: entry.accountId,
    key_id: entry.keyId,
    details: JSON.parse(entry.details),
  };
}

type EntryJson = ReturnType<typeof entryJson>;

const columns: Column<EntryJson>[] = [
  { title: "NO", of: (entry) => entry.sequence },
  { title: "TIME", of: (entry) => shortTime(entry.time) },
  { title: "ACTION", of: (entry) => entry.action },
  { title: "ACCOUNT_ID", of: (entry) => entry.account_id },
  { title: "ACTOR", of: (entry) => entry.actor, shrinks: true },
  { title: "DETAILS", of: (entry) => JSON.stringify(entry.details), shrinks: true },
];

export const auditCommands = [
  adminCommand({
    name: "audit list",
    summary: "Lists who changed accounts, plans, keys and passwords, newest first.",
    options: {
      account: {
        ...accountInput,
        meaning: "only what concerns this account, given by its id or e-mail address",
        required: false,
      },
      ...listOptions,
    },
    async run(values, { accounts, audit }) {
      const accountId = values.account === undefined ? "" : await findAccountId(values.account, { accounts });
      const { rows, more, note } = await readPages(values, async (before, pageSize) => {
        const request = { accountId, pageSize, before: BigInt(before || 0) };
        const { entries } = await audit.listAuditEntries(request, wait);
        const last = entries.length === pageSize ? entries.at(-1) : undefined;
        return { rows: entries.map(entryJson), nextPageToken: last ? String(last.sequence) : "" };
      });
      // Where only one account's entries are shown, its id says nothing.
      const shown = accountId ? columns.filter(({ title }) => title !== "ACCOUNT_ID") : columns;
      return { json: { entries: rows, more }, text: table(shown, rows), note };
    },
  }),
  adminCommand({
    name: "audit verify",
    summary: "Checks that no entry of the audit trail was altered, removed or added.",
    details: `It prints the hash of the last entry, the head. Keep it elsewhere: with --since, a trail that was rewritten up to that
entry is found out. --heads does the same for the heads that auth signed (AUDIT_SIGNING_KEY).

Exits with 0 if the trail is in order and with 1 if it is not.`,
    options: {
      since: {
        type: "text",
        value: "HASH",
        meaning: "a head that was kept: it must be in the trail",
        check: checkHash,
      },
      heads: {
        type: "text",
        value: "HEADS_FILE",
        meaning: "signed heads, a line each: all must be in the trail; needs --public-key",
      },
      publicKey: {
        type: "text",
        value: "PUBLIC_KEY_FILE",
        meaning: "public keys of the signed heads, in PEM",
      },
    },
    async run(values, { audit }) {
      const heads = await readHeads(values);
      const { fault, ...checked } = await verifyTrail(audit, { heads, since: values.since?.toLowerCase() });
      if (fault) {
        process.exitCode = 1;
        return { json: { ok: false, fault }, text: describeFault(fault) };
      }
      return { json: { ok: true, ...checked }, text: describeTrail(checked) };
    },
  }),
  auditKeyCommand,
];

/** Returns what is wrong with the text of a hash. */
function checkHash(text: string): string | undefined {
  return /^[0-9a-f]{64}$/i.test(text) ? undefined : "must be 64 hex digits, as audit verify prints them";
}
