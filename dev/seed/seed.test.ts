import { describe, expect, it } from "vitest";
import { parseCommandLine } from "../../cli/command.ts";
import { createShortUrlCheck } from "../../contracts/short-url.ts";
import { slugIssue } from "../../contracts/slug.ts";
import { Plan } from "../../gen/qrforge/auth/v1/account_pb.ts";
import { codeIssues, projectIssues, styleIssues } from "../../services/qr/domain/fields.ts";
import { completeAmounts, seedTool } from "../seed.ts";
import type { MadeAccount } from "./accounts.ts";
import { logo } from "./logos.ts";
import { type Amounts, planAccounts, planCodes } from "./plan.ts";
import { apportion, cumulate, indexAt, stream } from "./random.ts";
import { dayMs, planDays, type ScannedCode, scanRows } from "./scans.ts";
import { planUsage } from "./usage.ts";

const noShortUrl = createShortUrlCheck([]);

const amounts: Amounts = { codes: 4_000, scans: 40_000, logos: 40, accounts: 30, days: 365, seed: 1 };
const nowMs = Date.UTC(2026, 6, 15, 13, 20);
const allCodes = (of: Amounts) => planAccounts(of).flatMap((account) => [...planCodes(account, of)]);

function scannedCodes(of: Amounts): ScannedCode[] {
  return allCodes(of).map((code, index) => ({
    codeId: `code${index}`,
    createdMs: nowMs - (1 - code.created) * 500 * dayMs,
    archivedMs: code.isArchived ? nowMs - (1 - code.archived) * 500 * dayMs : Number.POSITIVE_INFINITY,
    weight: code.weight,
    rhythm: code.rhythm,
    country: code.country,
  }));
}

function scansOf(of: Amounts) {
  const codes = scannedCodes(of);
  const days = planDays(codes, { ...of, nowMs });
  const scans = days.flatMap((day) =>
    [...scanRows(codes, day, { nowMs, seed: of.seed })]
      .join("")
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => {
        const [scanId, codeId, time, device, country, referrer, visitor] = line.split("\t") as string[];
        return { scanId, codeId: codeId as string, ms: Date.parse(time as string), device, country, referrer, visitor };
      }),
  );
  return { codes, days, scans };
}

const share = <T>(all: T[], is: (one: T) => boolean) => all.filter(is).length / all.length;

describe("shares", () => {
  it("sum to the whole, whatever the weights", () => {
    for (const weights of [[1], [1, 1, 1], [0, 5, 0.1], Array.from({ length: 1_000 }, (_, at) => 1 / (at + 1))]) {
      const parts = apportion(1_234, weights);
      expect(parts.reduce((sum, part) => sum + part, 0)).toBe(1_234);
      expect(parts.every((part, at) => part >= 0 && (part === 0 || (weights[at] as number) > 0))).toBe(true);
    }
    expect(apportion(5, [0, 0])).toEqual([0, 0]);
  });

  it("find the place of each part", () => {
    const sums = cumulate([0, 2, 0, 2]);
    expect([0, 0.49, 0.5, 0.999].map((at) => indexAt(sums, at))).toEqual([1, 1, 3, 3]);
  });
});

describe("planned codes", () => {
  const codes = allCodes(amounts);
  const lengths = codes.map(({ name }) => [...name].length);

  it("keep every rule of the service", () => {
    for (const { name, redirectUrl, style, slugStem } of codes) {
      expect(codeIssues({ name, redirectUrl }, noShortUrl), name).toEqual([]);
      if (style) expect(styleIssues({ ...style, moduleShape: "square", finderShape: "square" })).toEqual([]);
      if (slugStem) expect(slugIssue(`${slugStem}-abc123`)).toBeUndefined();
    }
  });

  it("have names from 1 to 200 code points of many scripts, with and without blanks", () => {
    expect([Math.min(...lengths), Math.max(...lengths)]).toEqual([1, 200]);
    for (const script of ["Latin", "Cyrillic", "Greek", "Arabic", "Hebrew", "Han", "Thai", "Devanagari", "Hangul"]) {
      const count = codes.filter(({ name }) => new RegExp(`\\p{Script=${script}}`, "u").test(name)).length;
      expect(count, script).toBeGreaterThan(codes.length / 100);
    }
    expect(codes.some(({ name }) => /\p{Extended_Pictographic}/u.test(name))).toBe(true);
    expect(codes.some(({ name }) => [...name].length > 100 && !/\s/u.test(name))).toBe(true);
    expect(codes.some(({ name }) => [...name].length > 190 && /\s/u.test(name))).toBe(true);
    expect(new Set(codes.map(({ name }) => name)).size).toBeGreaterThan(codes.length / 3);
  });

  it("lead to addresses up to the bound", () => {
    const urls = codes.map(({ redirectUrl }) => redirectUrl.length);
    expect(Math.max(...urls)).toBe(2_048);
    expect(urls.filter((length) => length === 2_048).length).toBeGreaterThan(5);
    expect(share(urls, (length) => length < 100)).toBeGreaterThan(0.9);
  });

  it("are plain, styled, with logos and archived as they are in use", () => {
    expect(share(codes, ({ style }) => style === undefined)).toBeGreaterThan(0.7);
    expect(share(codes, ({ isArchived }) => isArchived)).toBeGreaterThan(0.03);
    expect(codes.filter(({ style }) => style && style.logo >= 0).length).toBeGreaterThanOrEqual(amounts.logos);
  });

  it("are the same for the same seed, and others for another", () => {
    expect(allCodes(amounts)).toEqual(codes);
    expect(allCodes({ ...amounts, seed: 2 })).not.toEqual(codes);
  });
});

describe("planned accounts", () => {
  const accounts = planAccounts(amounts);

  it("share the codes and logos unevenly, and one has none", () => {
    const codes = accounts.map((account) => account.codes);
    expect(codes.reduce((sum, count) => sum + count, 0)).toBe(amounts.codes);
    expect(codes[0]).toBeGreaterThan(amounts.codes / 5);
    expect(codes.at(-1)).toBe(0);
    expect(accounts.reduce((sum, { logos }) => sum + logos, 0)).toBe(amounts.logos);
    expect(accounts.every((account) => account.logos <= account.codes)).toBe(true);
  });

  it("have plans, and as many keys as those allow", () => {
    expect(new Set(accounts.map(({ plan }) => plan))).toEqual(new Set([Plan.FREE, Plan.PRO, Plan.ENTERPRISE]));
    for (const { plan, keys, limits } of accounts) {
      expect(keys.length).toBeGreaterThan(0);
      if (plan !== Plan.ENTERPRISE) expect([keys.length, limits]).toEqual([1, undefined]);
    }
    for (const { projects } of accounts) for (const project of projects) expect(projectIssues(project)).toEqual([]);
  });

  it("use no more than their plan allows", () => {
    for (const account of accounts) {
      const madeKeys = account.keys.map(({ perDay }, at) => ({
        ...{ keyId: `key${at}`, createdMs: 0, endedMs: undefined, lastUsedMs: nowMs, perDay: perDay * 50 },
      }));
      const made = { ...account, accountId: "a", email: "", createdMs: 0, projectIds: [], madeKeys } as MadeAccount;
      const usage = planUsage(made, { seed: 1, nowMs });
      const byDay = Map.groupBy(usage, ({ day }) => day);
      const limit = { [Plan.FREE]: 1_000, [Plan.PRO]: 50_000 }[account.plan as number] ?? Number.POSITIVE_INFINITY;
      for (const rows of byDay.values()) {
        expect(rows.reduce((sum, { admitted }) => sum + admitted, 0)).toBeLessThanOrEqual(limit);
      }
      expect(byDay.size).toBeGreaterThan(80);
    }
  });
});

describe("scans", () => {
  const { codes, scans } = scansOf(amounts);

  it("are as many as asked for, over the year up to now, of codes that were there", () => {
    expect(scans.length).toBe(amounts.scans);
    const byId = new Map(codes.map((code) => [code.codeId, code]));
    for (const { codeId, ms } of scans) {
      const code = byId.get(codeId) as ScannedCode;
      expect(ms).toBeGreaterThan(code.createdMs);
      expect(ms).toBeLessThan(Math.min(code.archivedMs, nowMs));
    }
    const dates = new Set(scans.map(({ ms }) => Math.floor(ms / dayMs)));
    expect(dates.size).toBeGreaterThan(360);
    expect(Math.min(...dates)).toBeGreaterThan(nowMs / dayMs - 365);
  });

  it("are mostly of a few codes", () => {
    const counts = [...Map.groupBy(scans, ({ codeId }) => codeId).values()].map((own) => own.length);
    const top = counts.sort((one, other) => other - one).slice(0, amounts.codes / 100);
    expect(top.reduce((sum, count) => sum + count, 0) / scans.length).toBeGreaterThan(0.3);
  });

  it("fall on waking hours, phones, and more on Saturdays than on Mondays", () => {
    expect(share(scans, ({ device }) => device === "mobile")).toBeGreaterThan(0.75);
    const day = (weekday: number) => scans.filter(({ ms }) => new Date(ms).getUTCDay() === weekday).length;
    expect(day(6)).toBeGreaterThan(1.2 * day(1));
    const german = scans.filter(({ country }) => country === "DE");
    const hour = (of: number) => german.filter(({ ms }) => new Date(ms).getUTCHours() === of).length;
    expect(hour(11)).toBeGreaterThan(5 * hour(2));
  });

  it("tell apart fewer countries and referrers than are counted one by one, all of valid form", () => {
    expect(new Set(scans.map(({ country }) => country)).size).toBeGreaterThan(20);
    expect(new Set(scans.map(({ referrer }) => referrer)).size).toBeLessThan(200);
    for (const { country, referrer, visitor } of scans) {
      expect(country).toMatch(/^([A-Z]{2}|unknown)$/);
      expect(referrer).toMatch(/^[\x21-\x7e]{1,100}$/);
      expect(visitor).toMatch(/^\\\\x[0-9a-f]{16}$/);
    }
  });

  it("are partly by visitors who come again on the day", () => {
    const perDay = new Set(scans.map(({ codeId, ms, visitor }) => `${codeId} ${Math.floor(ms / dayMs)} ${visitor}`));
    expect(perDay.size).toBeLessThan(scans.length);
    expect(perDay.size).toBeGreaterThan(0.6 * scans.length);
  });

  it("are the same for the same seed, but for their ids", () => {
    const small = { ...amounts, codes: 50, scans: 500, accounts: 2, logos: 0 };
    const withoutIds = () => scansOf(small).scans.map(({ scanId, ...scan }) => scan);
    expect(withoutIds()).toEqual(withoutIds());
  });

  it("can all fall on a day that has only begun", () => {
    const early = Math.floor(nowMs / dayMs) * dayMs + 5;
    const code = { codeId: "c", weight: 1, createdMs: 0, archivedMs: Number.POSITIVE_INFINITY };
    const codes: ScannedCode[] = [{ ...code, rhythm: "place", country: "DE" }];
    const days = planDays(codes, { scans: 100, days: 1, nowMs: early, seed: 1 });
    const rows = days.flatMap((day) =>
      [...scanRows(codes, day, { nowMs: early, seed: 1 })].join("").trim().split("\n"),
    );
    expect(rows.length).toBe(100);
    for (const row of rows) expect(Date.parse(row.split("\t")[2] as string)).toBeLessThan(early);
  });
});

describe("logos", () => {
  it("all differ, and are small", () => {
    const logos = Array.from({ length: 200 }, (_, at) => Buffer.from(logo(stream(1, `logo ${at}`))).toString());
    expect(new Set(logos).size).toBe(200);
    expect(Math.max(...logos.map(({ length }) => length))).toBeLessThan(32_768);
  });
});

describe("the command's options", () => {
  const read = (args: string[]) => {
    const request = parseCommandLine(seedTool, args);
    if (request.kind !== "run") throw new Error(`not a run: ${args}`);
    return completeAmounts(request.readValues() as never);
  };

  it("may all be left out", () => {
    expect(read([])).toMatchObject({ codes: 500, scans: 50_000, logos: 10, accounts: 5, days: 365, seed: 1 });
    expect(read(["--codes", "3"])).toMatchObject({ codes: 3, logos: 3 });
    expect(read(["--codes", "0"])).toMatchObject({ codes: 0, logos: 0, scans: 0 });
  });

  it("are refused in one line that says what to change", () => {
    for (const [args, problem] of [
      [["--codes", "many"], '--codes must be a whole number from 0 to 1000000, not "many".'],
      [["--accounts", "0"], '--accounts must be a whole number from 1 to 10000, not "0".'],
      [["--days", "400"], '--days must be a whole number from 1 to 399, not "400".'],
      [["--logos", "6", "--codes", "5"], "--logos must be at most --codes (5): each logo stands in a code."],
      [["--scans", "6", "--codes", "0"], "--scans must be 0 if --codes is 0: scans are of codes."],
    ] as const) {
      expect(() => read([...args])).toThrow(expect.objectContaining({ name: "UsageError", message: problem }));
    }
  });
});
