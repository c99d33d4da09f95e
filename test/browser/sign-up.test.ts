import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { endChild } from "../../dev/child.ts";
import type { Cluster } from "../../dev/cluster.ts";
import { startEphemeralCluster } from "../../dev/ephemeral-cluster.ts";
import { InvitationService } from "../../gen/qrforge/auth/v1/invitation_pb.ts";
import { SessionService } from "../../gen/qrforge/auth/v1/session_pb.ts";
import { createRpcClient } from "../../platform/rpc/client.ts";
import { addressesOf } from "../support/addresses.ts";
import { call, eventually, openAuth, wait } from "../support/api.ts";
import { accessibilityFaults, openBrowser, openPage } from "../support/browser.ts";
import { type MailServer, startMailServer, tokenOf } from "../support/mail-server.ts";

const password = "correct horse battery";

let cluster: Cluster;
let end: () => Promise<void>;
let browser: Browser;
let edge: string;

beforeAll(async () => {
  ({ cluster, end } = await startEphemeralCluster({ env: { auth: { SIGN_UP: "invited" } } }));
  edge = cluster.edgeUrls()[0] as string;
  browser = await openBrowser();
});
afterAll(async () => {
  await browser?.close();
  await end?.();
});

async function invite(email: string): Promise<string> {
  const { client, close } = createRpcClient(InvitationService, { address: addressesOf(cluster, "auth").join(",") });
  try {
    const { token } = await client.createInvitation({ email }, wait);
    return `${edge}/#/invitation/${token}`;
  } finally {
    close();
  }
}

/** Starts auth again with other settings, and waits until the edge sees it. */
async function restartAuth(env: { SIGN_UP: string } & Record<string, string>): Promise<void> {
  for (const member of cluster.members("auth")) {
    member.env = env;
    await endChild(member.child, 15_000);
    await cluster.restart(member);
  }
  await eventually(
    () => call(`${edge}/dashboard/api/sign-up`),
    ({ body }) => body?.data?.mode === env.SIGN_UP,
  );
}

/** A page of a new browser; fails in the end if the page complained. */
async function withPage(work: (page: Page) => Promise<void>): Promise<void> {
  const { page, context, complaints } = await openPage(browser);
  try {
    await work(page);
    expect(complaints).toEqual([]);
  } finally {
    await context.close();
  }
}

const setPassword = async (page: Page, value: string) => {
  await page.getByLabel("Password", { exact: true }).fill(value);
  await page.getByRole("button", { name: "Create account" }).click();
};

describe("A person who is invited makes an account", () => {
  it("with a password of their own, is signed in, and finds it in the audit log", () =>
    withPage(async (page) => {
      const link = await invite("Grace@qrforge.example");
      await page.goto(link);
      await page.getByText("grace@qrforge.example").waitFor();
      expect(await accessibilityFaults(page)).toEqual([]);
      await setPassword(page, "short");
      await page.getByText("must have 10 to 256 characters").waitFor();
      const field = page.getByLabel("Password", { exact: true });
      expect(await field.getAttribute("type")).toBe("password");
      await page.getByLabel("Show password").check();
      expect(await field.getAttribute("type")).toBe("text");
      await setPassword(page, password);
      await page.getByRole("heading", { name: "No codes yet" }).waitFor();
      // Neither the address bar nor going back shows the token again.
      expect(page.url()).toBe(`${edge}/#/codes`);
      await page.goto(`${edge}/#/audit`);
      await page.getByText("Invitation accepted").waitFor();
      await page.getByText("Invited").first().waitFor();
      await page.getByRole("button", { name: "Sign out", exact: true }).click();
      await page.getByLabel("E-mail").fill("grace@qrforge.example");
      await page.getByLabel("Password").fill(password);
      await page.getByRole("button", { name: "Sign in" }).click();
      await page.getByRole("heading", { name: "Audit log" }).waitFor();

      await page.goto(link);
      await page.getByText("This invitation was used before.").waitFor();
      await page.getByRole("link", { name: "Go to sign in" }).click();
    }));

  it("and is told at once when the link is not whole, or too old", () =>
    withPage(async (page) => {
      const link = await invite("late@qrforge.example");
      await page.goto(link.slice(0, -1));
      await page.getByRole("alert").getByText("This invitation is not known.").waitFor();
      expect(await page.getByLabel("Password").count()).toBe(0);
      // Another link in the same page is read anew.
      await page.goto(link);
      await page.getByText("late@qrforge.example").waitFor();
    }));

  it("on a small screen, however long the address is", () =>
    withPage(async (page) => {
      await page.setViewportSize({ width: 320, height: 640 });
      const link = await invite(`${"long".repeat(40)}@qrforge.example`);
      for (const url of [link, `${edge}/#/codes`]) {
        await page.goto(url);
        await page.getByLabel("Password", { exact: true }).waitFor();
        const widths = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
        expect(widths[0], url).toBeLessThanOrEqual(widths[1] as number);
      }
    }));
});

describe("A stranger", () => {
  it("finds no form to sign up where accounts are by invitation, and whom to ask", () =>
    withPage(async (page) => {
      await page.goto(`${edge}/`);
      await page.getByText("Accounts are by invitation: ask the operator").waitFor();
      await page.getByText("Forgot your password? Ask the operator").waitFor();
      expect(await page.getByText("Sign up").count()).toBe(0);
      expect(await accessibilityFaults(page)).toEqual([]);
    }));

  it("finds no form where sign-up is closed, and an invitation says so", () =>
    withPage(async (page) => {
      const link = await invite("shut@qrforge.example");
      await restartAuth({ SIGN_UP: "closed" });
      await page.goto(`${edge}/`);
      await page.getByText("The operator of this service creates accounts").waitFor();
      expect(await page.getByText("Sign up").count()).toBe(0);
      await page.goto(link);
      await page.getByRole("alert").getByText("Sign-up is closed here, for invitations too.").waitFor();
    }));
});

describe("A person with an operator's link", () => {
  it("sets a first password, and another when that is forgotten, also where sign-up is closed", () =>
    withPage(async (page) => {
      const address = addressesOf(cluster, "auth").join(",");
      const auth = openAuth([address]);
      const sessions = createRpcClient(SessionService, { address });
      const { accountId, email } = await auth.newAccount();
      for (const chosen of [password, "another long password"]) {
        const { token } = await sessions.client.createSignInLink({ accountId }, wait);
        await page.goto(`${edge}/#/sign-in/${token}`);
        await page.getByRole("navigation").getByRole("link", { name: "Account" }).click();
        await page.getByRole("heading", { name: "Set a password" }).waitFor();
        expect(await page.getByLabel("Password now").count()).toBe(0);
        await page.getByLabel("New password").fill(chosen);
        await page.getByRole("button", { name: "Set a password" }).click();
        await page.getByRole("heading", { name: "Change password" }).waitFor();
        await page.getByRole("button", { name: "Sign out", exact: true }).click();
        await page.getByLabel("E-mail").fill(email);
        await page.getByLabel("Password").fill(chosen);
        await page.getByRole("button", { name: "Sign in" }).click();
        // Who signs in with a password needs it to change it.
        await page.getByLabel("Password now").waitFor();
      }
      auth.close();
      sessions.close();
    }));
});

describe("A person who reads mail", () => {
  let server: MailServer;
  beforeAll(async () => {
    server = await startMailServer();
    await restartAuth({ SIGN_UP: "open", SMTP_URL: server.url, MAIL_FROM: "noreply@qrforge.example" });
  });
  afterAll(() => server?.close());

  const sizes = [
    { width: 390, height: 844 },
    { width: 1440, height: 900 },
  ];
  it.each(sizes)("signs up, sets a forgotten password, and moves to another address ($width px wide)", (size) =>
    withPage(async (page) => {
      await page.setViewportSize(size);
      const [email, next] = [`reader-${size.width}@qrforge.example`, `moved-${size.width}@qrforge.example`];
      const check = async () => {
        expect(await accessibilityFaults(page)).toEqual([]);
        const widths = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
        expect(widths[0]).toBeLessThanOrEqual(widths[1] as number);
      };
      const open = async (to: string, subject: string, path: string) => {
        const token = tokenOf(await server.mailTo(to, subject), path);
        await page.goto(`${edge}/#/${path}/${token}`);
        await page.getByText(to).first().waitFor();
        await check();
      };
      await page.goto(`${edge}/`);
      await page.getByRole("tab", { name: "Sign up" }).click();
      await page.getByLabel("E-mail").fill(email);
      await page.getByRole("button", { name: "Send the mail" }).click();
      await page.getByText(`We sent a mail to ${email}`).waitFor();
      await open(email, "Confirm your e-mail address", "sign-up");
      await setPassword(page, password);
      await page.getByRole("heading", { name: "No codes yet" }).waitFor();
      expect(page.url()).toBe(`${edge}/#/codes`);

      await page.goto(`${edge}/#/account`);
      await page.getByLabel("New e-mail").fill(next);
      await page.getByLabel("Your password").fill(password);
      await page.getByRole("button", { name: "Send the mail" }).click();
      await page.getByText(`We sent a mail to ${next}`).waitFor();
      await check();
      await open(next, "Confirm your new e-mail address", "email");
      await page.getByLabel("Password", { exact: true }).fill(password);
      await page.getByRole("button", { name: "Use this address" }).click();
      await page.getByRole("button", { name: "Go to sign in" }).click();

      await page.getByRole("link", { name: "Forgot your password?" }).click();
      await page.getByRole("heading", { name: "Set a new password" }).waitFor();
      await check();
      await page.getByLabel("E-mail").fill(next);
      await page.getByRole("button", { name: "Send the mail" }).click();
      await page.getByText(`We sent a mail to ${next}`).waitFor();
      await open(next, "Set a new password", "reset");
      await page.getByLabel("Password", { exact: true }).fill("another long password");
      await page.getByRole("button", { name: "Set password" }).click();
      await page.getByRole("heading", { name: "No codes yet" }).waitFor();
    }),
  );
});
