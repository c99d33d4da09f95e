import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { call, openAuth, wait } from "../support/api.ts";
import { runProgram } from "../support/run.ts";
import { type Seeded, seed } from "../support/seed.ts";

const { edges, auths, quotas, qrs, databaseUrl } = inject("cluster");
const edge = edges[0] as string;
const auth = openAuth(auths);
const addresses = {
  ...{ AUTH_ADDRESS: auths.join(), QUOTA_ADDRESS: quotas.join(), QR_ADDRESS: qrs.join() },
  DATABASE_URL: databaseUrl,
};
const dayMs = 86_400_000;

interface Item {
  id: string;
  name: string;
  project_id: string;
  scan_count: number;
  created_at: string;
}

let seeded: Seeded;
let account: Seeded["accounts"][number];
let key: string;

beforeAll(async () => {
  seeded = await seed(addresses, { codes: 150, scans: 4_000, logos: 2, accounts: 10 });
  account = seeded.accounts[0] as Seeded["accounts"][number];
  key = (await auth.keys.createKey({ accountId: account.account_id, name: "lists" }, wait)).secret;
});
afterAll(() => auth.close());

async function read(path: string) {
  const { status, body, text } = await call(`${edge}/v1/${path}`, { key });
  expect(status, text).toBe(200);
  return body;
}

/** All items of a list, page after page, each once and newest first. */
async function listAll(path: string, query: Record<string, string> = {}): Promise<Item[]> {
  const items: Item[] = [];
  let token: string | null = "";
  do {
    const page = new URLSearchParams({ page_size: "7", ...query, ...(token !== "" && { next_page_token: token }) });
    const answer = await read(`${path}?${page}`);
    items.push(...answer.items);
    token = answer.next_page_token;
  } while (token !== null);
  expect(new Set(items.map(({ id }) => id)).size).toBe(items.length);
  const times = items.map(({ created_at }) => Date.parse(created_at));
  expect(times).toEqual(times.toSorted((one, other) => other - one));
  return items;
}

async function admin(...args: string[]) {
  const { code, output } = await runProgram("node", ["cli/admin.ts", ...args, "--json"], { env: addresses });
  expect(code, output).toBe(0);
  return JSON.parse(output.split("\n").findLast((line) => line.startsWith("{")) as string);
}

describe("a list of an account that has much", () => {
  it("holds each code once: active, archived, or both", async () => {
    const [active, archived, all] = await Promise.all(
      ["active", "archived", "all"].map((status) => listAll("qr-codes", { status })),
    );
    expect(all?.length).toBe(account.codes);
    expect(archived?.length).toBeGreaterThan(0);
    const ids = (items: Item[] = []) => items.map(({ id }) => id).toSorted();
    expect(ids([...(active ?? []), ...(archived ?? [])])).toEqual(ids(all));
  });

  it("finds what a person would find by reading every name, in any script", async () => {
    const all = await listAll("qr-codes", { status: "all" });
    for (const q of ["menu", "é", "MÜLLER", "Меню", "菜单", "قائمة", "🎉", "%", "nowhere to be found"]) {
      const found = await listAll("qr-codes", { status: "all", q });
      const wanted = all.filter(({ name }) => name.toLowerCase().includes(q.toLowerCase()));
      expect(found, q).toEqual(wanted);
    }
  });

  it("holds the codes of each project, and those of no other", async () => {
    const [projects, all] = await Promise.all([listAll("projects"), listAll("qr-codes", { status: "all" })]);
    expect(projects.length).toBe(account.projects + 1);
    for (const { id } of projects) {
      const own = await listAll("qr-codes", { status: "all", project_id: id });
      expect(own).toEqual(all.filter(({ project_id }) => project_id === id));
    }
  });
});

describe("the counts of a code", () => {
  it("sum to its scan count, by whatever they are told apart", async () => {
    const all = await listAll("qr-codes", { status: "all" });
    const busiest = all.toSorted((one, other) => other.scan_count - one.scan_count).slice(0, 3);
    const day = (ago: number) => new Date(Date.now() - ago * dayMs).toISOString().slice(0, 10);
    const range = `from=${day(398)}&to=${day(0)}`;
    for (const { id, scan_count } of busiest) {
      expect(scan_count).toBeGreaterThan(10);
      for (const by of ["device", "country", "referrer"]) {
        const { data } = await read(`qr-codes/${id}/scans?${range}&by=${by}`);
        const values: { scans: number }[] = data.values;
        expect(data.total).toBe(scan_count);
        expect(values.reduce((sum, { scans }) => sum + scans, 0)).toBe(scan_count);
      }
      const hours = await read(`qr-codes/${id}/scans?from=${day(29)}&to=${day(0)}&interval=hour`);
      const days = await read(`qr-codes/${id}/scans?from=${day(29)}&to=${day(0)}`);
      expect(hours.data.total).toBe(days.data.total);
    }
  });
});

describe("the operator's lists", () => {
  it("hold every account, key, day of usage and audit entry once", async () => {
    const { accounts } = await admin("account", "list", "--all");
    const listed = accounts.map(({ account_id }: { account_id: string }) => account_id);
    expect(new Set(listed).size).toBe(listed.length);
    for (const { account_id } of seeded.accounts) expect(listed).toContain(account_id);
    const { keys } = await admin("key", "list", "--account", account.account_id, "--all");
    expect(keys.length).toBe(account.keys + 1);
    const { usage, by_key } = await admin("usage", "list", "--account", account.account_id, "--days", "90", "--all");
    expect(usage.length).toBeGreaterThan(80);
    const usedOf = (date: string) =>
      by_key
        .filter((row: { date: string }) => row.date === date)
        .reduce((sum: number, { admitted }: { admitted: number }) => sum + admitted, 0);
    for (const { date, used } of usage.slice(0, -1)) expect(usedOf(date), date).toBe(used);
    const { entries } = await admin("audit", "list", "--account", account.account_id, "--all");
    const sequences = entries.map(({ sequence }: { sequence: number }) => sequence);
    expect(sequences).toEqual(sequences.toSorted((one: number, other: number) => other - one));
    expect(new Set(sequences).size).toBe(sequences.length);
    expect(entries.length).toBeGreaterThan(account.keys);
    expect(await admin("audit", "verify")).toMatchObject({ ok: true });
  });
});
