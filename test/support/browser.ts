import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import chromium from "@sparticuz/chromium";
import { type Browser, type BrowserContext, chromium as driver, type Page } from "playwright-core";

/** A real Chromium, out of a package: it needs nothing of the system. */
export async function openBrowser(): Promise<Browser> {
  // In a single process a browser ends with the first of its contexts.
  const args = chromium.args.filter((arg) => arg !== "--single-process" && arg !== "--no-zygote");
  return driver.launch({ executablePath: await chromium.executablePath(), args, headless: true });
}

export interface Watched {
  context: BrowserContext;
  page: Page;
  /** What the page complained about: script errors, and what its policy kept it from loading. */
  complaints: string[];
}

/** A page of a browser of one's own: no cookie of another one is in it. */
export async function openPage(
  browser: Browser,
  options: { theme?: "light" | "dark"; isPhone?: boolean } = {},
): Promise<Watched> {
  const { theme = "light", isPhone = false } = options;
  const context = await browser.newContext({
    viewport: isPhone ? { width: 390, height: 844 } : { width: 1280, height: 860 },
    colorScheme: theme,
    locale: "en-US",
    reducedMotion: "reduce",
  });
  context.setDefaultTimeout(15_000);
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("console", (message) => {
    // An answer of 4xx is a part of the story, not an error of the page.
    if (message.type() === "error" && !message.text().startsWith("Failed to load resource")) {
      complaints.push(message.text());
    }
  });
  return { context, page, complaints };
}

const axeSource = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** Returns what axe finds at fault on the page as it stands. */
export async function accessibilityFaults(page: Page): Promise<string[]> {
  await page.evaluate(axeSource);
  return page.evaluate(async () => {
    const { axe } = globalThis as unknown as {
      axe: { run(): Promise<{ violations: { id: string; nodes: { html: string; failureSummary: string }[] }[] }> };
    };
    const { violations } = await axe.run();
    return violations.flatMap(({ id, nodes }) =>
      nodes.map(({ html, failureSummary }) => `${id}: ${html} ${failureSummary}`),
    );
  });
}
