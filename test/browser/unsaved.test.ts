import type { Browser, Dialog, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Cluster } from "../../dev/cluster.ts";
import { startEphemeralCluster } from "../../dev/ephemeral-cluster.ts";
import { Plan } from "../../gen/qrforge/auth/v1/account_pb.ts";
import { SessionService } from "../../gen/qrforge/auth/v1/session_pb.ts";
import { createRpcClient } from "../../platform/rpc/client.ts";
import { addressesOf } from "../support/addresses.ts";
import { call, openAuth, wait } from "../support/api.ts";
import { accessibilityFaults, openBrowser, openPage, type Watched } from "../support/browser.ts";

let cluster: Cluster;
let end: () => Promise<void>;
let browser: Browser;
let edge: string;
let person: Watched;
let page: Page;
let key: string;
let codeId: string;

/** Signs in by a link, in a browser of its own. */
async function signIn(accountId: string): Promise<Watched> {
  const sessions = createRpcClient(SessionService, { address: addressesOf(cluster, "auth").join(",") });
  const { token } = await sessions.client.createSignInLink({ accountId }, wait);
  sessions.close();
  const watched = await openPage(browser);
  await watched.page.goto(`${edge}/#/sign-in/${token}`);
  await watched.page.getByRole("heading", { name: "QR codes" }).waitFor();
  return watched;
}

let accountId: string;
let email: string;

beforeAll(async () => {
  ({ cluster, end } = await startEphemeralCluster());
  edge = cluster.edgeUrls()[0] as string;
  browser = await openBrowser();
  const auth = openAuth(addressesOf(cluster, "auth"));
  ({ accountId, email, key } = await auth.newAccount(Plan.ENTERPRISE, { perMinute: 6_000n, perDay: 100_000n }));
  auth.close();
  const { body } = await call(`${edge}/v1/qr-codes`, {
    key,
    body: { name: "Menu", redirect_url: "https://a.example/" },
  });
  codeId = body.data.id;
  person = await signIn(accountId);
  page = person.page;
});
afterAll(async () => {
  await browser?.close();
  await end?.();
});

const question = () => page.getByRole("dialog", { name: "Leave without saving?" });
const stay = async () => {
  await question().getByRole("button", { name: "Stay" }).click();
  await question().waitFor({ state: "detached" });
};
const leave = () => question().getByRole("button", { name: "Leave without saving" }).click();
const shown = () => page.evaluate(() => location.hash);

/** Loads the page again, and returns whether the browser asked first; the answer is to stay. */
async function isAskedOnReload(): Promise<boolean> {
  const asked = new Promise<Dialog>((resolve) => page.once("dialog", resolve));
  await page.evaluate(() => setTimeout(() => location.reload()));
  const dialog = await asked;
  await dialog.dismiss();
  return dialog.type() === "beforeunload";
}

describe("what is not saved", () => {
  it("is asked for before a link, the Back button and loading again take it away", async () => {
    await page.goto(`${edge}/#/codes/${codeId}`);
    await page.getByRole("link", { name: "Edit" }).click();
    await page.getByLabel("Name").fill("Menu of the winter");
    await page.getByRole("link", { name: "Projects" }).click();
    await stay();
    await page.goBack();
    await stay();
    expect(await shown()).toBe(`#/codes/${codeId}/edit`);
    expect(await isAskedOnReload()).toBe(true);
    await page.getByRole("button", { name: "Cancel" }).click();
    await stay();
    expect(await page.getByLabel("Name").inputValue()).toBe("Menu of the winter");
    await page.goBack();
    await leave();
    await page.getByRole("heading", { name: "Menu", exact: true }).waitFor();
    expect(await shown()).toBe(`#/codes/${codeId}`);
    // The history is as it would be without the question.
    await page.goForward();
    await page.getByRole("heading", { name: "Edit code" }).waitFor();
    expect(await page.getByLabel("Name").inputValue()).toBe("Menu");
  });

  it("is not asked for where nothing was entered, nor after it is saved", async () => {
    await page.goto(`${edge}/#/codes/new`);
    await page.getByLabel("Name").fill("Poster");
    await page.getByLabel("Name").fill("");
    await page.getByRole("link", { name: "QR codes" }).click();
    await page.getByRole("heading", { name: "QR codes" }).waitFor();
    await page.getByRole("link", { name: "Create code" }).click();
    await page.getByLabel("Name").fill("Poster");
    await page.getByLabel("Leads to").fill("https://b.example/");
    await page.getByRole("button", { name: "Create code" }).click();
    await page.getByRole("heading", { name: "Poster" }).waitFor();
    await page.getByRole("link", { name: "QR codes" }).click();
    await page.getByRole("heading", { name: "QR codes" }).waitFor();
  });

  it("is kept when the dialog that has it is closed by mistake", async () => {
    await page.goto(`${edge}/#/projects`);
    await page.getByRole("button", { name: "Create project" }).click();
    await page.getByLabel("Name").fill("Summer");
    await page.keyboard.press("Escape");
    await stay();
    await page.mouse.click(5, 5);
    await stay();
    expect(await page.getByLabel("Name").inputValue()).toBe("Summer");
    await page.keyboard.press("Escape");
    await leave();
    await page.getByRole("dialog").waitFor({ state: "detached" });
  });

  it("is kept when somebody else has saved meanwhile, and can be put on top of theirs", async () => {
    await page.goto(`${edge}/#/codes/${codeId}/edit`);
    await page.getByLabel("Name").fill("Mine");
    await page.getByLabel("Caption").fill("Our menu");
    const patch = (body: object) => call(`${edge}/v1/qr-codes/${codeId}`, { method: "PATCH", key, body });
    await patch({ name: "Theirs", redirect_url: "https://theirs.example/" });
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByText("nothing has been saved").waitFor();
    await page.getByRole("button", { name: "Reload" }).click();
    await page.getByText("Leads to: was “https://a.example/”, is now “https://theirs.example/”.").waitFor();
    await page.getByText("Name: was “Menu”, is now “Theirs”. You entered “Mine”.").waitFor();
    expect(await page.getByLabel("Leads to").inputValue()).toBe("https://theirs.example/");
    expect(await page.getByLabel("Caption").inputValue()).toBe("Our menu");
    expect(await accessibilityFaults(page)).toEqual([]);
    const name = () => page.getByLabel("Name").inputValue();
    expect(await name()).toBe("Mine");
    await page.getByRole("button", { name: "Use theirs: Name" }).click();
    expect(await name()).toBe("Theirs");
    await page.getByRole("button", { name: "Use mine: Name" }).click();
    expect(await name()).toBe("Mine");
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByRole("heading", { name: "Mine" }).waitFor();
    const { body } = await call(`${edge}/v1/qr-codes/${codeId}`, { key });
    expect(body.data).toMatchObject({ name: "Mine", redirect_url: "https://theirs.example/" });
    expect(body.data.style.caption).toBe("Our menu");
  });
});

describe("a session that ends", () => {
  const password = "correct horse battery";

  it("takes nothing with it that is not saved: the person signs in again, and saves", async () => {
    await page.goto(`${edge}/#/account`);
    await page.getByLabel("New password").fill(password);
    await page.getByRole("button", { name: "Set a password" }).click();
    await page.getByText("The password is changed.").waitFor();
    await page.goto(`${edge}/#/codes/new`);
    await page.getByLabel("Name").fill("Flyer");
    await page.getByLabel("Leads to").fill("https://c.example/");
    await person.context.clearCookies();
    await page.getByRole("button", { name: "Create code" }).click();
    const dialog = page.getByRole("dialog", { name: "Sign in again" });
    await dialog.getByLabel("Password").fill(password);
    await dialog.getByRole("button", { name: "Sign in" }).click();
    await dialog.waitFor({ state: "detached" });
    expect(await page.getByLabel("Name").inputValue()).toBe("Flyer");
    await page.getByRole("button", { name: "Create code" }).click();
    await page.getByRole("heading", { name: "Flyer" }).waitFor();
  });

  it("can be left for good, once the person has said so", async () => {
    await page.goto(`${edge}/#/codes/new`);
    await page.getByLabel("Name").fill("Flyer");
    await page.getByLabel("Leads to").fill("https://c.example/");
    await person.context.clearCookies();
    await page.getByRole("button", { name: "Create code" }).click();
    await page.getByRole("dialog", { name: "Sign in again" }).waitFor();
    await page.keyboard.press("Escape");
    await leave();
    await page.getByRole("heading", { name: "QRForge" }).waitFor();
    await page.getByLabel("E-mail").fill(email);
    await page.getByLabel("Password").fill(password);
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("navigation").waitFor();
  });
});

describe("a key that is shown once", () => {
  it("goes when the person says that it is saved, and by nothing else", async () => {
    await page.goto(`${edge}/#/keys`);
    await page.getByRole("button", { name: "Create API key" }).click();
    await page.getByLabel("Name").fill("website");
    await page.getByRole("dialog").getByRole("button", { name: "Create API key" }).click();
    const secret = page.getByTestId("secret");
    await secret.waitFor();
    expect(await accessibilityFaults(page)).toEqual([]);
    const asked = page.getByRole("dialog", { name: "Have you saved the key?" });
    const tries: [string, () => Promise<unknown>][] = [
      ["Escape", () => page.keyboard.press("Escape")],
      ["a click outside", () => page.mouse.click(5, 5)],
      ["the ✕", () => page.getByRole("button", { name: "Close" }).click()],
      ["Back", () => page.goBack()],
    ];
    for (const [what, attempt] of tries) {
      await attempt();
      await asked.getByRole("button", { name: "Back to the key" }).click();
      await asked.waitFor({ state: "detached" });
      expect(await secret.textContent(), what).toMatch(/^api_live_/);
    }
    expect(await isAskedOnReload()).toBe(true);
    await page.getByRole("button", { name: "I have saved it" }).click();
    await secret.waitFor({ state: "detached" });
    await page.getByRole("link", { name: "Plan" }).click();
    await page.getByRole("heading", { name: "Plan", exact: true }).waitFor();
  });

  it("can be left by the Back button after a click beside the question", async () => {
    await page.goto(`${edge}/#/keys`);
    await page.getByRole("button", { name: "Create API key" }).click();
    await page.getByLabel("Name").fill("app");
    await page.getByRole("dialog").getByRole("button", { name: "Create API key" }).click();
    const secret = page.getByTestId("secret");
    await secret.waitFor();
    const asked = page.getByRole("dialog", { name: "Have you saved the key?" });
    await page.keyboard.press("Escape");
    await asked.waitFor();
    await page.mouse.click(5, 5);
    await page.goBack();
    await asked.getByRole("button", { name: "I have saved it" }).click();
    await secret.waitFor({ state: "detached" });
  });
});

describe("signing out everywhere", () => {
  it("says what it does and asks, and then ends every session", async () => {
    const other = await signIn(accountId);
    await page.goto(`${edge}/#/account`);
    const button = page.getByRole("button", { name: "Sign out everywhere" });
    await button.click();
    const dialog = page.getByRole("dialog", { name: "Sign out everywhere" });
    await dialog.getByText("API keys go on working").waitFor();
    await dialog.getByRole("button", { name: "Cancel" }).click();
    await dialog.waitFor({ state: "detached" });
    await button.click();
    await dialog.getByRole("button", { name: "Sign out everywhere" }).click();
    await page.getByRole("button", { name: "Sign in" }).waitFor();
    await other.page.reload();
    await other.page.getByRole("button", { name: "Sign in" }).waitFor();
    expect(person.complaints).toEqual([]);
  });
});
