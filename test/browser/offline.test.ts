import { once } from "node:events";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Cluster, Member } from "../../dev/cluster.ts";
import { startEphemeralCluster } from "../../dev/ephemeral-cluster.ts";
import { SessionService } from "../../gen/qrforge/auth/v1/session_pb.ts";
import { createRpcClient } from "../../platform/rpc/client.ts";
import { addressesOf } from "../support/addresses.ts";
import { call, eventually, openAuth, wait } from "../support/api.ts";
import { accessibilityFaults, openBrowser, openPage } from "../support/browser.ts";

let cluster: Cluster;
let end: () => Promise<void>;
let browser: Browser;
let context: BrowserContext;
let page: Page;
let edge: string;
let code: { id: string; slug: string };

beforeAll(async () => {
  ({ cluster, end } = await startEphemeralCluster());
  edge = cluster.edgeUrls()[0] as string;
  const auth = openAuth(addressesOf(cluster, "auth"));
  const { accountId, key } = await auth.newAccount();
  auth.close();
  const { body } = await call(`${edge}/v1/qr-codes`, {
    key,
    body: { name: "Menu", redirect_url: "https://a.example/" },
  });
  code = body.data;
  const sessions = createRpcClient(SessionService, { address: addressesOf(cluster, "auth").join(",") });
  const { token } = await sessions.client.createSignInLink({ accountId }, wait);
  sessions.close();
  browser = await openBrowser();
  ({ context, page } = await openPage(browser));
  await page.goto(`${edge}/#/sign-in/${token}`);
  await page.getByRole("link", { name: "Menu" }).waitFor();
});
afterAll(async () => {
  await browser?.close();
  await end?.();
});

const bar = () => page.locator(".connection-bar");

describe("while the service is dead", () => {
  it("the chart is not called live, says how old it is, and is live again by itself when the service is back", async () => {
    await page.goto(`${edge}/#/codes/${code.id}`);
    await page.getByText(/Live · updated \d s ago/).waitFor();
    await page.waitForFunction(() =>
      performance.getEntriesByType("resource").some(({ name }) => name.includes("/assets/account-")),
    );
    const member = cluster.members("edge")[0] as Member;
    const ended = once(member.child, "exit");
    member.child.kill("SIGKILL");
    await ended;
    await page.getByText("Not up to date.").waitFor();
    await page
      .getByText(/The last answer came \d+ s ago/)
      .first()
      .waitFor();
    expect(await page.getByText(/Live ·/).count()).toBe(0);
    await bar().getByText("QRForge cannot be reached.").waitFor();
    expect(await bar().count()).toBe(1);
    expect(await accessibilityFaults(page)).toEqual([]);
    // What was read before stays in sight.
    expect(await page.getByTestId("total-scans").textContent()).toBe("0");
    await cluster.restart(member);
    await call(`${edge}/${code.slug}`);
    await page.getByText(/Live · updated \d s ago/).waitFor({ timeout: 40_000 });
    await bar().waitFor({ state: "detached" });
    await eventually(
      async () => page.getByTestId("total-scans").textContent(),
      (total) => total === "1",
    );
  });

  it("one failing part says so with a button that reads it again, and the rest goes on", async () => {
    let isFailing = true;
    await page.route("**/dashboard/api/usage", (route) =>
      isFailing
        ? route.fulfill({ status: 503, json: { ok: false, code: "unavailable", message: "quota is down." } })
        : route.continue(),
    );
    await page.goto(`${edge}/#/usage`);
    await page.getByText("quota is down.").waitFor();
    // The edge has answered, so it is not called unreachable.
    expect(await bar().count()).toBe(0);
    isFailing = false;
    await page.getByRole("button", { name: "Retry" }).click();
    await page.getByText(/Live · updated \d s ago/).waitFor();
    isFailing = true;
    await page.getByText("Not up to date.").waitFor();
    isFailing = false;
    await page.getByRole("button", { name: "Retry" }).click();
    await page.getByText(/Live · updated \d s ago/).waitFor();
    await page.unroute("**/dashboard/api/usage");
  });

  it("a list that was never read has a button, too, and what is entered stays where it is", async () => {
    await page.goto(`${edge}/#/codes/new`);
    await page.getByLabel("Name").fill("Poster");
    await page.getByLabel("Leads to").fill("https://b.example/");
    await context.setOffline(true);
    await bar().getByText("This device is offline.").waitFor();
    await page.getByRole("button", { name: "Create code" }).click();
    await page.getByText("QRForge cannot be reached. Check the connection and try again.").first().waitFor();
    expect(await page.getByLabel("Name").inputValue()).toBe("Poster");
    await context.setOffline(false);
    await bar().waitFor({ state: "detached" });
    await page.getByRole("button", { name: "Create code" }).click();
    await page.getByRole("heading", { name: "Poster" }).waitFor();
    await page.route("**/dashboard/api/audit*", (route) => route.abort());
    await page.getByRole("link", { name: "Audit log" }).click();
    const retry = page.locator("main").getByRole("button", { name: "Retry" });
    await retry.waitFor();
    await page.unroute("**/dashboard/api/audit*");
    await retry.click();
    await page.getByText("Key created").first().waitFor();
    await bar().waitFor({ state: "detached" });
  });

  it("a page whose program did not arrive is loaded anew by itself", async () => {
    const fresh = await context.newPage();
    await fresh.route("**/assets/account-*.js", (route) => route.abort());
    await fresh.goto(`${edge}/#/account`);
    await fresh.getByText("This part could not be shown.").waitFor();
    await fresh.unroute("**/assets/account-*.js");
    await fresh.getByRole("heading", { name: "Account", exact: true }).waitFor();
    await fresh.close();
  });

  it("a symbol that did not arrive says so, and comes by a button", async () => {
    await page.route("**/image?*", (route) => route.abort());
    await page.goto(`${edge}/#/codes/${code.id}`);
    await page.getByText("The symbol could not be loaded.").waitFor();
    await page.unroute("**/image?*");
    await page.locator(".symbol").getByRole("button", { name: "Retry" }).click();
    await page.waitForFunction(() => document.querySelector<HTMLImageElement>(".symbol img")?.naturalWidth);
  });
});
