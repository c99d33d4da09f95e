import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Cluster } from "../../dev/cluster.ts";
import { startEphemeralCluster } from "../../dev/ephemeral-cluster.ts";
import { Plan } from "../../gen/qrforge/auth/v1/account_pb.ts";
import { SessionService } from "../../gen/qrforge/auth/v1/session_pb.ts";
import { ProjectService } from "../../gen/qrforge/qr/v1/project_pb.ts";
import { createRpcClient } from "../../platform/rpc/client.ts";
import { addressesOf } from "../support/addresses.ts";
import { call, eventually, openAuth, wait } from "../support/api.ts";
import { accessibilityFaults, openBrowser, openPage, type Watched } from "../support/browser.ts";

const phone = {
  "user-agent": "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Safari/604",
};
const password = "correct horse battery";

let cluster: Cluster;
let end: () => Promise<void>;
let browser: Browser;
let edge: string;
let ada: Watched;
let key: string;
let codeId: string;
let slug: string;

beforeAll(async () => {
  ({ cluster, end } = await startEphemeralCluster({ replicas: { edge: 2, auth: 1, quota: 1, qr: 1 } }));
  edge = cluster.edgeUrls()[0] as string;
  browser = await openBrowser();
  ada = await openPage(browser);
});
afterAll(async () => {
  await browser?.close();
  await end();
});

async function signUp(page: Page, email: string): Promise<void> {
  await page.goto(`${edge}/`);
  await page.getByRole("tab", { name: "Sign up" }).click();
  await page.getByLabel("E-mail").fill(email);
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Create account" }).click();
  await page.getByRole("heading", { name: "No codes yet" }).waitFor();
}

const go = (page: Page, place: string) => page.getByRole("navigation").getByRole("link", { name: place }).click();
const statusWith = async (secret: string) => {
  const statuses = cluster.edgeUrls().map(async (url) => (await call(`${url}/v1/usage`, { key: secret })).status);
  return Promise.all(statuses);
};

describe("a person at the dashboard", () => {
  it("signs up, and is told what is wrong with a password that is too short", async () => {
    const { page } = ada;
    await page.goto(`${edge}/`);
    await page.getByRole("tab", { name: "Sign up" }).click();
    await page.getByLabel("E-mail").fill("ada@qrforge.example");
    await page.getByLabel("Password").fill("short");
    await page.getByRole("button", { name: "Create account" }).click();
    await page.getByText("must have 10 to 256 characters").waitFor();
    await signUp(page, "ada@qrforge.example");
  });

  it("creates a key, which is shown once and opens the API", async () => {
    const { page } = ada;
    await go(page, "API keys");
    await page.getByRole("button", { name: "Create API key" }).click();
    await page.getByLabel("Name").fill("website");
    await page.getByRole("dialog").getByRole("button", { name: "Create API key" }).click();
    key = (await page.getByTestId("secret").textContent()) ?? "";
    expect(key).toMatch(/^api_live_[0-9A-Za-z]{32}$/);
    expect(await statusWith(key)).toEqual([200, 200]);
    await page.getByRole("button", { name: "I have saved it" }).click();
    await page.reload();
    await page.getByText(`…${key.slice(-4)}`).waitFor();
    expect(await page.content()).not.toContain(key);
  });

  it("learns at a second key what Enterprise is for", async () => {
    const { page } = ada;
    await page.getByRole("button", { name: "Create API key" }).click();
    await page.getByText("Free and Pro have one active key").waitFor();
    await page.getByRole("dialog").getByRole("button", { name: "Close" }).last().click();
  });

  it("sees a code that was made over the API, without doing anything", async () => {
    const { page } = ada;
    await go(page, "QR codes");
    await page.getByRole("heading", { name: "No codes yet" }).waitFor();
    const { body } = await call(`${edge}/v1/qr-codes`, {
      key,
      body: { name: "Menu", redirect_url: "https://example.com/summer" },
    });
    ({ id: codeId, slug } = body.data);
    await page.getByRole("link", { name: "Menu", exact: true }).waitFor();
  });

  it("edits it, with a preview, and the printed code leads to the new target on every edge", async () => {
    const { page } = ada;
    await page.getByRole("link", { name: "Menu", exact: true }).click();
    await page.getByRole("link", { name: "Edit" }).click();
    await page.getByText("Readable: a scanner read it back").waitFor();
    await page.getByLabel("Leads to").fill("https://example.com/winter");
    await page.getByLabel("Colour").fill("#eeeeee");
    await page.getByText(/Not readable/).waitFor();
    await page.getByLabel("Colour").fill("#0f3d38");
    await page.getByText("Readable: a scanner read it back").waitFor();
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByRole("heading", { name: "Scans", exact: true }).waitFor();
    const { body } = await call(`${edge}/v1/qr-codes/${codeId}`, { key });
    expect(body.data).toMatchObject({ redirect_url: "https://example.com/winter", style: { foreground: "#0f3d38" } });
    for (const url of cluster.edgeUrls()) {
      const scan = await call(`${url}/${body.data.slug}`, { headers: phone });
      expect(scan.headers.get("location")).toBe("https://example.com/winter");
    }
  });

  it("sees the scans arrive in the chart", async () => {
    const { page } = ada;
    await eventually(
      async () => page.getByTestId("total-scans").textContent(),
      (total) => total === "2",
    );
    await page.locator(".plot canvas").waitFor();
    await page.getByText("mobile").waitFor();
  });

  it("gets the symbol as a file", async () => {
    const { page } = ada;
    for (const format of ["SVG", "PNG", "PDF"]) {
      const download = page.waitForEvent("download");
      await page.getByRole("link", { name: `Download ${format}` }).click();
      expect((await download).suggestedFilename()).toMatch(new RegExp(`\\.${format.toLowerCase()}$`));
    }
  });

  it("is told on every code, and by the file's name, that only this machine can open it", async () => {
    const { page } = ada;
    const warning = "which only this machine can open. Set SHORT_URL_BASE";
    await page.getByText(`This code encodes ${cluster.shortUrlBase}, ${warning}`).waitFor();
    const download = page.waitForEvent("download");
    await page.getByRole("link", { name: "Download PNG" }).click();
    expect((await download).suggestedFilename()).toMatch(/-this-machine-only\.png$/);
    await page.getByRole("link", { name: "Edit" }).click();
    await page.getByLabel("Preview").getByText(warning).waitFor();
    await go(page, "QR codes");
    await page.getByText(`These codes encode ${cluster.shortUrlBase}, ${warning}`).waitFor();
    await page.getByRole("row").filter({ hasText: "Menu" }).getByText("this machine only").waitFor();
    await page.getByRole("link", { name: "Menu", exact: true }).click();
    expect((await call(`${edge}/docs`)).text).toContain(warning);
  });

  it("archives the code and restores it", async () => {
    const { page } = ada;
    const { body } = await call(`${edge}/v1/qr-codes/${codeId}`, { key });
    const scan = async () => (await call(`${edge}/${body.data.slug}`)).status;
    for (const [act, status] of [
      ["Archive", 410],
      ["Restore", 302],
    ] as const) {
      await page.getByRole("button", { name: act }).click();
      await page.getByRole("dialog").getByRole("button", { name: act }).click();
      await page.getByRole("dialog").waitFor({ state: "detached" });
      expect(await scan()).toBe(status);
    }
  });

  it("rotates the key: the old one is refused on every edge, the new one works", async () => {
    const { page } = ada;
    await go(page, "API keys");
    await page.getByRole("button", { name: "Rotate website" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Rotate" }).click();
    await page.getByText(/The old key is dead on 2 of 2 edges in [\d.]+ ms/).waitFor();
    const old = key;
    key = (await page.getByTestId("secret").textContent()) ?? "";
    expect(await statusWith(old)).toEqual([401, 401]);
    expect(await statusWith(key)).toEqual([200, 200]);
    await page.getByRole("button", { name: "I have saved it" }).click();
  });

  it("revokes it: refused on every edge", async () => {
    const { page } = ada;
    await page.getByRole("button", { name: "Revoke website" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Revoke" }).click();
    await page.getByText(/website is revoked: dead on 2 of 2 edges/).waitFor();
    expect(await statusWith(key)).toEqual([401, 401]);
  });

  it("finds it all in the usage and in the audit log, and why the operator took a code down", async () => {
    const { page } = ada;
    const auth = openAuth(addressesOf(cluster, "auth"));
    await auth.takedowns.takeDownQrCodes({ idsOrSlugs: [codeId], reason: "reported as phishing" }, wait);
    await auth.takedowns.putBackQrCodes({ idsOrSlugs: [codeId] }, wait);
    auth.close();
    await go(page, "Usage");
    await page.getByRole("heading", { name: "API: this minute" }).waitFor();
    await page.getByText("of 60 requests").first().waitFor();
    await page.getByRole("row").filter({ hasText: "website" }).first().waitFor();
    await go(page, "Audit log");
    for (const act of ["Signed up", "Key created", "Key rotated", "Key revoked"]) {
      await page.getByText(act).first().waitFor();
    }
    const row = page.getByRole("row").filter({ hasText: "Code taken down by the operator" });
    await row.getByText(slug).waitFor();
    await row.getByText("reported as phishing").waitFor();
  });

  it("finds the way by keyboard alone", async () => {
    const { page } = ada;
    await page.goto(`${edge}/#/projects`);
    await page.getByRole("heading", { name: "Projects", level: 1 }).waitFor();
    const focused = () => page.evaluate(() => document.activeElement?.textContent);
    // A new page begins in its content; the places are before it.
    await page.keyboard.press("Tab");
    expect(await focused()).toBe("Create project");
    await page.keyboard.press("Shift+Tab");
    expect(await focused()).toBe("Sign out");
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    await page.locator('[role="dialog"] input:focus').waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });
    // Focus is back where it came from, so Enter opens the dialog again.
    await eventually(focused, (name) => name === "Create project");
    await page.keyboard.press("Enter");
    await page.locator('[role="dialog"] input:focus').waitFor();
    await page.keyboard.type("Labels");
    await page.keyboard.press("Enter");
    await page.getByRole("link", { name: "Labels" }).waitFor();
  });

  it("shows none of it to another account", async () => {
    const { page } = await openPage(browser);
    await signUp(page, "bob@qrforge.example");
    const answers = await page.evaluate(async (id) => {
      const paths = [`/v1/qr-codes/${id}`, `/v1/qr-codes/${id}/image`, `/v1/qr-codes/${id}/scans`];
      return Promise.all(paths.map(async (path) => (await fetch(`/dashboard/api${path}`)).status));
    }, codeId);
    expect(answers).toEqual([404, 404, 404]);
    await page.goto(`${edge}/#/audit`);
    await page.getByText("Signed up").waitFor();
    expect(await page.getByText("Key created").count()).toBe(0);
    await page.context().close();
  });

  it("sees every project and every key of an account that has more than a page of them", async () => {
    const auth = openAuth(addressesOf(cluster, "auth"));
    const projects = createRpcClient(ProjectService, { address: addressesOf(cluster, "qr").join(",") });
    const sessions = createRpcClient(SessionService, { address: addressesOf(cluster, "auth").join(",") });
    const { accountId } = await auth.newAccount(Plan.ENTERPRISE);
    for (let index = 1; index <= 101; index++) {
      await projects.client.createProject({ accountId, name: `project ${index}.` }, wait);
      await auth.keys.createKey({ accountId, name: `key ${index}.` }, wait);
    }
    const { token } = await sessions.client.createSignInLink({ accountId }, wait);
    for (const { close } of [auth, projects, sessions]) close();
    const { page, context } = await openPage(browser);
    await page.goto(`${edge}/#/sign-in/${token}`);
    await page.getByRole("heading", { name: "No codes yet" }).waitFor();
    await go(page, "Projects");
    for (const index of [1, 101]) await page.getByRole("link", { name: `project ${index}.` }).waitFor();
    await go(page, "API keys");
    for (const index of [1, 101])
      await page
        .getByRole("row")
        .filter({ hasText: `key ${index}.` })
        .waitFor();
    await context.close();
  });

  it("changes the password, and signs out", async () => {
    const { page } = ada;
    await go(page, "Account");
    await page.getByLabel("Password now").fill("not the password");
    await page.getByLabel("New password").fill(`${password} staple`);
    await page.getByRole("button", { name: "Change password" }).click();
    await page.getByText("The password is wrong.").waitFor();
    await page.getByLabel("Password now").fill(password);
    await page.getByRole("button", { name: "Change password" }).click();
    await page.getByText("The password is changed.").waitFor();
    await page.getByRole("button", { name: "Sign out", exact: true }).click();
    await page.getByRole("tab", { name: "Sign in" }).waitFor();
    await page.getByLabel("E-mail").fill("ada@qrforge.example");
    await page.getByLabel("Password").fill(`${password} staple`);
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByText("ada@qrforge.example").first().waitFor();
  });

  it("caused no error in the page, and nothing that its policy forbids", () => {
    expect(ada.complaints).toEqual([]);
  });
});

describe("every page", () => {
  for (const theme of ["light", "dark"] as const) {
    it(`has nothing that axe finds at fault, ${theme}`, async () => {
      const state = await ada.context.storageState();
      const { page, context } = await openPage(browser, { theme });
      await page.goto(`${edge}/`);
      await page.getByRole("tab", { name: "Sign in" }).waitFor();
      expect(await accessibilityFaults(page), "sign-in").toEqual([]);
      await context.addCookies(state.cookies);
      await page.reload();
      const places = [
        "codes",
        `codes/${codeId}`,
        "codes/new",
        `codes/${codeId}/edit`,
        "codes/bulk",
        "projects",
        "usage",
        "keys",
      ];
      for (const place of [...places, "plan", "audit", "account"]) {
        await page.goto(`${edge}/#/${place}`);
        await page.getByRole("heading", { level: 1 }).waitFor();
        await page.locator(".loading").waitFor({ state: "detached" });
        expect(await accessibilityFaults(page), place).toEqual([]);
      }
      await page.goto(`${edge}/#/projects`);
      await page.getByRole("button", { name: "Create project" }).click();
      await page.getByRole("dialog").waitFor();
      expect(await accessibilityFaults(page), "dialog").toEqual([]);
      await context.close();
    });
  }
});
