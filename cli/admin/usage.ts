import { type Column, table } from "../table.ts";
import { accountInput, adminCommand, findAccountId, listOptions, readPages, wait } from "./context.ts";

const dayMs = 86_400_000;

interface Day {
  date: string;
  used: number;
}

interface KeyDay {
  date: string;
  key_id: string;
  admitted: number;
  refused: number;
}

const dayColumns: Column<Day>[] = [
  { title: "DATE", of: (day) => day.date },
  { title: "USED", of: (day) => day.used },
];
const keyColumns: Column<KeyDay>[] = [
  { title: "DATE", of: (day) => day.date },
  { title: "KEY_ID", of: (day) => day.key_id },
  { title: "ADMITTED", of: (day) => day.admitted },
  { title: "REFUSED", of: (day) => day.refused },
];

export const usageCommands = [
  adminCommand({
    name: "usage list",
    summary: "Lists the requests of an account day by day (UTC), in total and by key.",
    options: {
      account: accountInput,
      days: {
        type: "integer",
        value: "N",
        meaning: "days to look back, today included",
        default: 30,
        min: 1,
        max: 400,
      },
      ...listOptions,
    },
    calls: ["auth", "quota"],
    async run(values, { accounts, quota }) {
      const accountId = await findAccountId(values.account, { accounts });
      // An account that does not exist would look like one without requests.
      await accounts.getAccount({ accountId }, wait);
      const dateOf = (ms: number) => new Date(ms).toISOString().slice(0, 10);
      const now = Date.now();
      const range = { accountId, fromDate: dateOf(now - (values.days - 1) * dayMs), toDate: dateOf(now) };
      const totals = (await quota.listDailyUsage(range, wait)).days;
      const usage = totals.map(({ date, used }) => ({ date, used: Number(used) }));
      const { rows, more, note } = await readPages(values, async (pageToken) => {
        const page = await quota.listKeyUsage({ ...range, pageToken }, wait);
        const days = page.usages.map(({ date, keyId, admitted, refused }) => ({
          date,
          key_id: keyId,
          admitted: Number(admitted),
          refused: Number(refused),
        }));
        return { rows: days, nextPageToken: page.nextPageToken };
      });
      return {
        json: { usage, by_key: rows, more },
        text: `${table(dayColumns, usage)}\n\n${table(keyColumns, rows)}`,
        note,
      };
    },
  }),
];
