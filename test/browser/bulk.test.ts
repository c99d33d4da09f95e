import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { unzipSync } from "fflate";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startEphemeralCluster } from "../../dev/ephemeral-cluster.ts";
import { Plan } from "../../gen/qrforge/auth/v1/account_pb.ts";
import { addressesOf } from "../support/addresses.ts";
import { openAuth, wait } from "../support/api.ts";
import { accessibilityFaults, openBrowser, openPage, type Watched } from "../support/browser.ts";

/** A ZIP has many symbols to draw first. */
const savedMaxMs = 45_000;
const corpus = new URL("../cases/csv/", import.meta.url);

let end: () => Promise<void>;
let browser: Browser;
let edge: string;
let ada: Watched;

beforeAll(async () => {
  const ephemeral = await startEphemeralCluster({ replicas: { edge: 1, auth: 1, quota: 1, qr: 1 } });
  end = ephemeral.end;
  edge = ephemeral.cluster.edgeUrls()[0] as string;
  browser = await openBrowser();
  ada = await openPage(browser);
  const { page } = ada;
  await page.goto(`${edge}/`);
  await page.getByRole("tab", { name: "Sign up" }).click();
  await page.getByLabel("E-mail").fill("ada@qrforge.example");
  await page.getByLabel("Password").fill("correct horse battery");
  await page.getByRole("button", { name: "Create account" }).click();
  await page.getByRole("heading", { name: "No codes yet" }).waitFor();
  // The files below hold more codes than a free account may create in a minute.
  const accountId = await page.evaluate(async () => (await (await fetch("/dashboard/api/session")).json()).data.id);
  const auth = openAuth(addressesOf(ephemeral.cluster, "auth"));
  await auth.accounts.setAccountPlan({ accountId, plan: Plan.ENTERPRISE }, wait);
  auth.close();
  await page.reload();
});
afterAll(async () => {
  await browser?.close();
  await end();
});

/** Opens the page anew and chooses a file. */
async function choose(page: Page, name: string, content: Buffer | string): Promise<void> {
  await page.goto(`${edge}/#/codes`);
  await page.getByRole("link", { name: "Create from CSV" }).click();
  await page
    .getByLabel("CSV file")
    .setInputFiles({ name, mimeType: "text/csv", buffer: Buffer.from(content as string) });
}

const chooseCase = (page: Page, name: string) => choose(page, name, readFileSync(new URL(name, corpus)));

async function save(page: Page, act: () => Promise<void>): Promise<{ name: string; bytes: Buffer }> {
  const [file] = await Promise.all([page.waitForEvent("download", { timeout: savedMaxMs }), act()]);
  return { name: file.suggestedFilename(), bytes: await readFile(await file.path()) };
}

/** The codes of the account, as its list has them. */
function codesOf(page: Page, query: string): Promise<{ name: string; redirect_url: string; slug: string }[]> {
  return page.evaluate(async (asked) => {
    const answer = await fetch(`/dashboard/api/v1/qr-codes?page_size=100&q=${encodeURIComponent(asked)}`);
    return (await answer.json()).items;
  }, query);
}

describe("codes from a file", () => {
  it("of Windows-1252 are as they were written, after a look at the letters", async () => {
    const { page } = ada;
    const text = "name;url;slug\r\nCafé „Müller“ – 5 €;https://example.com/münchen;muenchen\r\n";
    const bytes = { "„": 0x84, "“": 0x93, "–": 0x96, "€": 0x80 } as Record<string, number>;
    await choose(page, "menu.csv", Buffer.from([...text].map((letter) => bytes[letter] ?? letter.charCodeAt(0))));
    await page.getByText("so it was guessed").waitFor();
    expect(await page.getByLabel("Encoding").inputValue()).toBe("windows-1252");
    await page.getByText("2  Café „Müller“ – 5 €;https://example.com/münchen").waitFor();
    await page.getByLabel("Encoding").selectOption("windows-1251");
    await page.getByText("2  Cafй").waitFor();
    await page.getByLabel("Encoding").selectOption("utf-8");
    await page.getByText("The file has bytes that are not UTF-8").waitFor();
    expect(await page.getByRole("button", { name: /^Create/ }).count()).toBe(0);
    await page.getByLabel("Encoding").selectOption("windows-1252");
    await page.getByRole("button", { name: "Create 1 code" }).click();
    await page.getByText("1 created.").waitFor();
    expect(await codesOf(page, "Café")).toMatchObject([
      { name: "Café „Müller“ – 5 €", redirect_url: "https://example.com/münchen", slug: "muenchen" },
    ]);
  });

  it("with faults are not created before a person decides, and the faulty lines are there to mend", async () => {
    const { page } = ada;
    await chooseCase(page, "unclosed-quote.csv");
    await page.getByText("Lines with faults: 1; without: 18. Nothing has been created.").waitFor();
    const fault = page.getByRole("region", { name: "What to change" }).getByRole("row").nth(1);
    expect(await fault.getByRole("cell").first().textContent()).toBe("3");
    await fault.getByText("opens a quote").waitFor();
    const faulty = await save(page, () => page.getByRole("button", { name: "Download the faulty lines" }).click());
    expect(faulty.bytes.toString()).toContain("Table 2,https://example.com/2,t-2");
    expect(await codesOf(page, "Table")).toEqual([]);
    expect(await accessibilityFaults(page)).toEqual([]);
    for (const width of [320, 390, 1280]) {
      await page.setViewportSize({ width, height: 860 });
      expect(await page.evaluate(() => document.documentElement.scrollWidth), `${width}`).toBe(width);
    }

    await page.getByRole("button", { name: "Create only the 18 without faults" }).click();
    await page.getByText("18 created, 1 not created.").waitFor();
    expect((await codesOf(page, "Table")).map(({ name }) => name)).not.toContain("Table 2");
  });

  it("end with their short URLs as CSV and their symbols as ZIP, in the order of the file", async () => {
    const { page } = ada;
    const lines = Array.from({ length: 40 }, (_, index) => `Seat ${index},https://example.com/${index},seat-${index}`);
    // Slugs that somebody has are known to the service alone.
    lines[30] = "Taken,https://example.com/,t-1";
    await choose(page, "seats.csv", ["name,redirect_url,slug", ...lines].join("\n"));
    await page.getByRole("button", { name: "Create 40 codes" }).click();
    await page.getByText("39 created, 1 not created.").waitFor();
    const refused = page.getByRole("region", { name: "Lines that were refused" }).getByRole("row").nth(1);
    expect(await refused.getByRole("cell").allTextContents()).toEqual([
      "32",
      "slug",
      "t-1",
      "is taken; choose another",
    ]);

    expect(await accessibilityFaults(page)).toEqual([]);

    const csv = await save(page, () => page.getByRole("button", { name: "Short URLs as CSV" }).click());
    expect(csv.name).toBe("short-urls.csv");
    const [heading, first, ...others] = csv.bytes.toString().trimEnd().split("\r\n");
    expect(heading).toBe("\ufeffname,redirect_url,slug,short_url");
    expect(first).toMatch(/^Seat 0,https:\/\/example.com\/0,seat-0,http:\/\/.+\/seat-0$/);
    expect(others).toHaveLength(38);

    const zip = await save(page, () => page.getByRole("button", { name: "Symbols as ZIP" }).click());
    const files = Object.entries(unzipSync(zip.bytes));
    const slugs = lines.map((line) => line.split(",").at(-1)).filter((slug) => slug !== "t-1");
    expect(files.map(([name]) => name)).toEqual(
      slugs.map((slug, index) => `${String(index + 1).padStart(4, "0")}-${slug}.svg`),
    );
    for (const [name, bytes] of files) expect(Buffer.from(bytes).toString(), name).toMatch(/^<svg|^<\?xml/);

    await page.getByLabel("File format").selectOption("png");
    const pngs = await save(page, () => page.getByRole("button", { name: "Symbols as ZIP" }).click());
    const [picture] = Object.values(unzipSync(pngs.bytes));
    expect(Buffer.from(picture as Uint8Array).readUInt32BE(16)).toBe(1_024);

    await page.getByRole("link", { name: "To the codes" }).click();
    await page.getByRole("heading", { name: "QR codes", level: 1 }).waitFor();
  });

  it("pause after the batch that is under way, and go on when a person says so", async () => {
    const { page } = ada;
    const lines = Array.from({ length: 250 }, (_, index) => `Bench ${index},https://example.com/${index}`);
    await choose(page, "benches.csv", ["name,url", ...lines].join("\n"));
    let release = () => {};
    const isPaused = new Promise<void>((resolve) => {
      release = resolve;
    });
    await page.route("**/v1/qr-codes/batch", async (route) => {
      await isPaused;
      await route.continue();
    });
    await page.getByRole("button", { name: "Create 250 codes" }).click();
    await page.getByRole("button", { name: "Pause" }).click();
    release();
    await page.getByText("100 created, 0 not created, 150 to go").waitFor();
    await page.getByRole("button", { name: "Go on" }).click();
    await page.getByText("250 created.").waitFor();
    await page.unroute("**/v1/qr-codes/batch");
  });

  it("go on after the page was closed in the middle, and none is there twice", async () => {
    const { page } = ada;
    const lines = Array.from({ length: 250 }, (_, index) => `Chair ${index},https://example.com/${index}`);
    const csv = ["name,url", ...lines].join("\n");
    await choose(page, "chairs.csv", csv);
    // The answer to the second batch is lost, as by a page that is closed before it comes.
    let batches = 0;
    await page.route("**/v1/qr-codes/batch", async (route) => {
      const answer = await route.fetch();
      await (++batches === 2 ? page.evaluate(() => location.reload()) : route.fulfill({ response: answer }));
    });
    page.once("dialog", (dialog) => dialog.accept());
    await page.getByRole("button", { name: "Create 250 codes" }).click();
    await page.getByLabel("CSV file").waitFor();
    await page.unroute("**/v1/qr-codes/batch");
    await choose(page, "chairs.csv", csv);
    await page.getByText("This file was not finished before.").waitFor();
    await page.getByRole("button", { name: "Create 250 codes" }).click();
    await page.getByText("250 created. Of these, 200 had been created before.").waitFor();
    const names = await page.evaluate(async () => {
      const all: string[] = [];
      for (let token = ""; ; ) {
        const query = `page_size=100&q=Chair${token && `&next_page_token=${token}`}`;
        const { items, next_page_token } = await (await fetch(`/dashboard/api/v1/qr-codes?${query}`)).json();
        all.push(...items.map(({ name }: { name: string }) => name));
        if (!next_page_token) return all;
        token = encodeURIComponent(next_page_token);
      }
    });
    expect(names.toSorted()).toEqual(lines.map((line) => line.split(",")[0]).toSorted());
  });

  it("are refused by name if the file is no CSV", async () => {
    const { page } = ada;
    await choose(page, "Tables.xlsx", Buffer.from("PK\u0003\u0004 and so on", "latin1"));
    await page.getByText("Tables.xlsx is an Excel workbook, not CSV. In Excel: File, Save As").waitFor();
  });

  it("may be ten thousand, all with faults, a page of them at a time", async () => {
    const { page } = ada;
    const lines = Array.from({ length: 10_000 }, (_, index) => `Table ${index},nowhere`);
    await choose(page, "many.csv", ["name,url", ...lines].join("\n"));
    await page.getByText("1–50 of 10,000").waitFor();
    await page.getByRole("button", { name: "Next" }).click();
    await page.getByText("51–100 of 10,000").waitFor();
    expect(await page.getByRole("row").count()).toBe(51);
  });

  it("caused no error in the page, and nothing that its policy forbids", () => {
    expect(ada.complaints).toEqual([]);
  });
});
