/** Draws every page of the dashboard as people see it, light and dark, into docs/screenshots: `npm run screenshots`. */

import { randomBytes, randomUUID } from "node:crypto";
import { mkdir } from "node:fs/promises";
import path from "node:path";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { Page } from "playwright-core";
import { readScriptOptions } from "../../cli/run-tool.ts";
import { root } from "../../cli/settings.ts";
import { startEphemeralCluster } from "../../dev/ephemeral-cluster.ts";
import { seeded } from "../../dev/seed/random.ts";
import { SessionService } from "../../gen/qrforge/auth/v1/session_pb.ts";
import { Device, ScanService } from "../../gen/qrforge/qr/v1/scan_pb.ts";
import { createRpcClient } from "../../platform/rpc/client.ts";
import { addressesOf } from "../support/addresses.ts";
import { call, openAuth, wait } from "../support/api.ts";
import { openBrowser, openPage } from "../support/browser.ts";
import { seed } from "../support/seed.ts";

const folder = path.join(root, "docs/screenshots");
const random = seeded(7);
const pick = <T>(values: readonly T[]) => values[Math.floor(random() ** 2 * values.length)] as T;
const dayMs = 86_400_000;
/** Whether everything on the screen is there, pictures and charts too; runs in the page. Pictures further down load late. */
const isDrawn = () =>
  document.querySelector(".loading") === null &&
  [...document.images]
    .filter((image) => image.getBoundingClientRect().top < innerHeight)
    .every((image) => image.complete && image.naturalWidth > 0) &&
  [...document.querySelectorAll(".plot")].every((plot) => plot.querySelector("canvas"));
const devices = [Device.MOBILE, Device.DESKTOP, Device.TABLET];
const countries = ["DE", "FR", "AT", "CH", "IT", "US", "NL"];
const referrers = ["", "instagram.com", "maps.google.com", "example.com"];
const logo = `data:image/svg+xml;base64,${Buffer.from(
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><circle cx="16" cy="16" r="16" fill="#0f766e"/><path d="M10 16h12M16 10v12" stroke="#fff" stroke-width="4"/></svg>',
).toString("base64")}`;

const codes = [
  {
    name: "Café menu",
    redirect_url: "https://cafe.example/menu/autumn",
    slug: "menu",
    style: { module_shape: "rounded", finder_shape: "rounded", foreground: "#0f3d38", caption: "Our menu" },
  },
  {
    name: "Wi-Fi for guests",
    redirect_url: "https://cafe.example/wifi",
    slug: "wifi",
    style: { module_shape: "dot", finder_shape: "circle", foreground: "#3b1d6e" },
  },
  {
    name: "Poster, main station",
    redirect_url: "https://cafe.example/?utm_source=poster",
    style: { foreground: "#7a1f1f", background: "#fff7ef" },
  },
  {
    name: "Loyalty card",
    redirect_url: "https://cafe.example/card",
    style: { module_shape: "rounded", logo, logo_size: 22 },
  },
  { name: "Table 12", redirect_url: "https://cafe.example/order?table=12" },
  { name: "Job advert", redirect_url: "https://cafe.example/jobs", style: { foreground: "#123a7a" } },
];

readScriptOptions({
  call: "npm run screenshots",
  summary: "Draws every page of the dashboard into docs/screenshots, light and dark.",
});
/** Chooses a file of Windows-1252, one line of which has a fault. */
async function chooseFile(page: Page): Promise<void> {
  const lines = ["name;url;slug", "Café;https://cafe.example/menu;cafe-menu", "Frühstück;cafe.example/morning;", ""];
  const buffer = Buffer.from(lines.join("\r\n"), "latin1");
  await page.getByLabel("CSV file").setInputFiles({ name: "tables.csv", mimeType: "text/csv", buffer });
  await page.getByRole("heading", { name: "Codes", exact: true }).scrollIntoViewIfNeeded();
}

const { cluster, dataDir, end } = await startEphemeralCluster({ shortUrlBase: "https://q.example.com" });
try {
  const auth = openAuth(addressesOf(cluster, "auth"));
  const sessions = createRpcClient(SessionService, { address: addressesOf(cluster, "auth").join(",") });
  const scans = createRpcClient(ScanService, { address: addressesOf(cluster, "qr").join(",") });
  const edge = cluster.edgeUrls()[0] as string;
  // An account as it is after a year; what the pictures are about is made on top of that.
  const seeded = await seed(
    { QRFORGE_DATA_DIR: dataDir },
    { codes: 60, scans: 20_000, logos: 4, accounts: 1, seed: 5 },
  );
  const accountId = seeded.accounts[0]?.account_id as string;
  const { secret: key } = await auth.keys.createKey({ accountId, name: "website" }, wait);
  await call(`${edge}/v1/projects`, { key, body: { name: "Summer 2026", description: "Posters and flyers" } });
  const made: { id: string }[] = [];
  for (const body of codes) {
    const { body: answer } = await call(`${edge}/v1/qr-codes`, { key, body });
    if (!answer?.ok) throw new Error(JSON.stringify(answer));
    made.push(answer.data);
  }
  for (const [index, { id }] of made.entries()) {
    const all = Array.from({ length: Math.round(900 / (index + 1)) }, () => ({
      scanId: randomUUID(),
      qrCodeId: id,
      scanTime: timestampFromMs(Math.round(Date.now() - random() ** 1.6 * 30 * dayMs)),
      device: pick(devices),
      country: pick(countries),
      referrer: pick(referrers),
      visitor: randomBytes(8),
    }));
    await scans.client.batchRecordScans({ scans: all }, wait);
  }

  await mkdir(folder, { recursive: true });
  const browser = await openBrowser();
  for (const [theme, isPhone] of [
    ["light", false],
    ["dark", false],
    ["light", true],
  ] as const) {
    const { token } = await sessions.client.createSignInLink({ accountId }, wait);
    const { page, context } = await openPage(browser, { theme, isPhone });
    const suffix = `${isPhone ? "-phone" : ""}${theme === "dark" ? "-dark" : ""}`;
    const shoot = async (name: string) => {
      await page.waitForFunction(isDrawn);
      await page.screenshot({ path: path.join(folder, `${name}${suffix}.png`) });
      process.stdout.write(`${name}${suffix}.png\n`);
    };
    await page.goto(`${edge}/`);
    await page.getByRole("tab", { name: "Sign in" }).waitFor();
    await shoot("sign-in");
    await page.goto(`${edge}/#/sign-in/${token}`);
    await page.getByRole("link", { name: "Café menu" }).waitFor();
    await shoot("codes");
    for (const [name, place] of [
      ["code", `codes/${made[0]?.id}`],
      ["edit-code", `codes/${made[3]?.id}/edit`],
      ["bulk", "codes/bulk"],
      ["projects", "projects"],
      ["usage", "usage"],
      ["keys", "keys"],
      ["plan", "plan"],
      ["audit", "audit"],
      ["account", "account"],
    ]) {
      await page.goto(`${edge}/#/${place}`);
      await page.getByRole("heading", { level: 1 }).waitFor();
      if (name === "bulk") await chooseFile(page);
      await shoot(name as string);
    }
    await page.goto(`${edge}/#/keys`);
    await page.getByRole("button", { name: "Create API key" }).click();
    await page.getByLabel("Name").fill("check-out");
    await page.getByRole("dialog").getByRole("button", { name: "Create API key" }).click();
    await page.getByTestId("secret").waitFor();
    await shoot("key-created");
    await context.close();
  }
  await browser.close();
  auth.close();
  sessions.close();
  scans.close();
} finally {
  await end();
}
