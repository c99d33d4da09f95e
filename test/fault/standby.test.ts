import { readFile } from "node:fs/promises";
import path from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { startEphemeralCluster } from "../../dev/ephemeral-cluster.ts";
import { addressesOf } from "../support/addresses.ts";
import { call, eventually, openAuth } from "../support/api.ts";

let running: Awaited<ReturnType<typeof startEphemeralCluster>>;
beforeAll(async () => {
  // A standby that is down.
  const DATABASE_READ_URL = "postgres://nobody:s3cret@127.0.0.1:1/none";
  running = await startEphemeralCluster({ env: { qr: { DATABASE_READ_URL } } });
});
afterAll(() => running?.end());

it("charts are read from the database itself while the standby does not answer, and the log says so", async () => {
  const auth = openAuth(addressesOf(running.cluster, "auth"));
  const { key } = await auth.newAccount();
  auth.close();
  const [edge] = running.cluster.edgeUrls();
  const body = { name: "Menu", redirect_url: "https://example.com/" };
  const { data } = (await call(`${edge}/v1/qr-codes`, { key, body })).body;
  await call(`${edge}/${data.slug}`, { headers: { "user-agent": "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0" } });
  const chart = () => call(`${edge}/v1/qr-codes/${data.id}/scans?by=device`, { key });
  const counted = await eventually(chart, ({ body }) => body.data.total === 1);
  expect(counted.status).toBe(200);
  const log = await readFile(path.join(running.dataDir, "logs", "qr.log"), "utf8");
  expect(log).toContain("the standby for analytics");
  expect(log).not.toContain("s3cret");
});
