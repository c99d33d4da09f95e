import type { AuditEntry } from "../../gen/qrforge/auth/v1/audit_pb.ts";
import { type Column, shortTime, table } from "../table.ts";
import { adminCommand, checkId, isoTime, listOptions, readPages, wait } from "./context.ts";

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
      account: { type: "text", value: "ACCOUNT_ID", meaning: "only what concerns this account", check: checkId },
      ...listOptions,
    },
    async run(values, { audit }) {
      const accountId = values.account ?? "";
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
    details: "Exits with 0 if the trail is in order and with 1 if it is not.",
    async run(_, { audit }) {
      let checked = 0n;
      let hash = new Uint8Array();
      for (;;) {
        const answer = await audit.verifyAuditTrail({ checked, hash }, wait);
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
  }),
];
