import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startEphemeralCluster } from "../../dev/ephemeral-cluster.ts";
import { openBrowser } from "../support/browser.ts";
import { createExtremeAccount, extremeNames } from "./extreme-account.ts";

const widths = [320, 390, 768, 1440, 1920];

let end: () => Promise<void>;
let browser: Browser;
let account: Awaited<ReturnType<typeof createExtremeAccount>>;
let page: Page;

beforeAll(async () => {
  const started = await startEphemeralCluster();
  end = started.end;
  account = await createExtremeAccount(started.cluster);
  browser = await openBrowser();
  page = await browser.newPage({ locale: "en-US", reducedMotion: "reduce" });
  page.setDefaultTimeout(10_000);
});
afterAll(async () => {
  await browser?.close();
  await end?.();
});

/** Goes to a place of the dashboard. */
async function go(place: string): Promise<void> {
  await page.goto(`${account.edge}/#/${place}`);
  await page.locator("#main h1").waitFor();
  await page.locator(".loading").waitFor({ state: "detached" });
}

/**
 * Returns what is wrong with the page as it stands: whatever shows outside the viewport's width, and each control that
 * a pointer cannot reach. What is cut off by an ellipsis is not outside; what has to be scrolled to sideways is.
 */
function findOutside(): Promise<string[]> {
  return page.evaluate(() => {
    const found: string[] = [];
    const root = document.documentElement;
    const width = root.clientWidth;
    if (root.scrollWidth > width) found.push(`the page is ${root.scrollWidth} px wide`);
    const nameOf = (element: Element) => `${element.outerHTML.slice(0, 120)} in .${element.parentElement?.className}`;
    const isHidden = (element: Element) =>
      element.closest(".visually-hidden, [hidden], .skip, thead") !== null ||
      !element.checkVisibility({ visibilityProperty: true });
    /** What those around an element let through of it, from the left edge to the right. */
    const windows = new Map<Element | null, { left: number; right: number }>([
      [null, { left: Number.NEGATIVE_INFINITY, right: Number.POSITIVE_INFINITY }],
    ]);
    function windowOf(element: Element | null): { left: number; right: number } {
      const known = windows.get(element);
      if (known || !element) return known as { left: number; right: number };
      let window = windowOf(element.parentElement);
      const { overflowX } = getComputedStyle(element);
      if (overflowX === "hidden" || overflowX === "clip") {
        const { left, right } = element.getBoundingClientRect();
        window = { left: Math.max(left, window.left), right: Math.min(right, window.right) };
      }
      windows.set(element, window);
      return window;
    }
    function shownPart(element: Element): { left: number; right: number } {
      const { left, right } = element.getBoundingClientRect();
      const window = windowOf(element.parentElement);
      return { left: Math.max(left, window.left), right: Math.min(right, window.right) };
    }
    for (const element of document.querySelectorAll("body *")) {
      if (isHidden(element)) continue;
      const { left, right } = shownPart(element);
      if (right > left && (left < -0.5 || right > width + 0.5)) {
        found.push(`${Math.round(left)} to ${Math.round(right)} of ${width} px: ${nameOf(element)}`);
      }
    }
    const dialog = document.querySelector('[role="dialog"]');
    for (const control of (dialog ?? document).querySelectorAll("button, a[href], input, select, summary")) {
      if (isHidden(control)) continue;
      control.scrollIntoView({ block: "center" });
      const { left, top, width: wide, height } = control.getBoundingClientRect();
      const hit = document.elementFromPoint(left + wide / 2, top + height / 2);
      const isHit = hit !== null && (control.contains(hit) || hit.contains(control) || hit.closest("a") === control);
      if (!isHit) found.push(`cannot be reached: ${nameOf(control)}, but ${hit && nameOf(hit)}`);
    }
    scrollTo(0, 0);
    return [...new Set(found)];
  });
}

/** Looks at the page in every width. */
async function expectInside(): Promise<void> {
  const found: Record<number, string[]> = {};
  for (const width of widths) {
    await page.setViewportSize({ width, height: 900 });
    // Charts follow the width in the next frame.
    await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
    const outside = await findOutside();
    if (outside.length > 0) found[width] = outside;
  }
  expect(found).toEqual({});
}

describe("at every width, with names and URLs as long as they may be, nothing is outside the viewport", () => {
  it("of what strangers see: the sign-in and the API reference", async () => {
    await page.goto(account.edge);
    await page.getByRole("tab", { name: "Sign in" }).waitFor();
    await expectInside();
    await page.goto(`${account.edge}/docs`);
    await expectInside();
    await page.goto(account.edge + account.signInPath);
    await page.getByRole("heading", { name: "QR codes" }).waitFor();
  });

  const places: [string, (() => string)?][] = [
    ["codes"],
    ["a code", () => `codes/${account.code.id}`],
    ["codes/new"],
    ["an edited code", () => `codes/${account.code.id}/edit`],
    ["codes/bulk"],
    ["projects"],
    ["a project", () => `projects/${account.projectId}`],
    ["keys"],
    ["usage"],
    ["plan"],
    ["audit"],
    ["account"],
  ];
  it.each(places)("of %s", async (name, pathOf = () => name) => {
    await go(pathOf());
    if (["a code", "a project"].includes(name)) await page.locator(".plot canvas").waitFor();
    for (const closed of await page.locator("main details:not([open]) summary").all()) await closed.click();
    const all = page.getByRole("button", { name: "Show all of it" });
    if (name === "a code") await all.click();
    await expectInside();
  });

  it.each([
    ["good", 0],
    ["faulty", 64],
  ])("of a CSV file whose lines are %s", async (_, tooLong) => {
    await go("codes/bulk");
    const lines = extremeNames(200).map(
      (name) => `"${name.padEnd(200 + tooLong, "x")}",https://example.com/${"a".repeat(2_000 + tooLong)}`,
    );
    const buffer = Buffer.from(["name,redirect_url", ...lines].join("\n"));
    await page.getByLabel("CSV file").setInputFiles({ name: `${"long".repeat(50)}.csv`, mimeType: "text/csv", buffer });
    await page.getByRole("table").first().waitFor();
    await expectInside();
  });

  it("of the menu", async () => {
    await go("plan");
    await page.setViewportSize({ width: 320, height: 900 });
    await page.getByRole("button", { name: "Menu" }).click();
    await expectInside();
  });

  const dialogs: [string, () => string, RegExp][] = [
    ["rotating a key", () => "keys", /^Rotate W{60}/],
    ["revoking a key", () => "keys", /^Revoke W{60}/],
    ["creating a key", () => "keys", /^Create API key$/],
    ["creating a project", () => "projects", /^Create project$/],
    ["archiving a code", () => `codes/${account.code.id}`, /^Archive$/],
  ];
  it.each(dialogs)("of the dialog for %s", async (_, pathOf, button) => {
    await go(pathOf());
    await page.getByRole("button", { name: button }).first().click();
    await page.getByRole("dialog").waitFor();
    await expectInside();
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });
  });
});
