import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { formatApiKey } from "../../contracts/api-key.ts";
import type { Cluster, Member } from "../../dev/cluster.ts";
import { startEphemeralCluster } from "../../dev/ephemeral-cluster.ts";
import { randomBase62 } from "../../platform/ids.ts";
import { itemAt } from "../../platform/item-at.ts";
import { addressesOf } from "../support/addresses.ts";
import { call, eventually, openAuth } from "../support/api.ts";

let cluster: Cluster;
let end: () => Promise<void>;
let auth: ReturnType<typeof openAuth>;
let edge: string;

beforeAll(async () => {
  ({ cluster, end } = await startEphemeralCluster({
    env: {
      edge: {
        API_IN_FLIGHT_MAX: "20",
        SCANS_IN_FLIGHT_MAX: "20",
        UNKNOWN_KEYS_PER_MINUTE_MAX: "30",
        TRUSTED_PROXIES: "127.0.0.1",
      },
    },
  }));
  auth = openAuth(addressesOf(cluster, "auth"));
  edge = cluster.edgeUrls()[0] as string;
});
afterAll(async () => {
  auth.close();
  await end();
});

describe("an edge with more requests than it can take", () => {
  it("refuses those beyond at once, serves scans and probes meanwhile, and all again afterwards", async () => {
    const { key } = await auth.newAccount();
    const [quota] = cluster.members("quota") as [Member];
    await call(`${edge}/v1/qr-codes`, {
      key,
      body: { name: "n", redirect_url: "https://example.com/", slug: "overload" },
    });
    // While quota hangs, requests stay under way.
    quota.child.kill("SIGSTOP");
    const first = Array.from({ length: 20 }, () => call(`${edge}/v1/usage`, { key }));
    const beyond = await eventually(
      () => call(`${edge}/v1/usage`, { key }),
      ({ body }) => body?.message?.includes("at its limit") === true,
    );
    expect([beyond.body.code, beyond.headers.get("retry-after")]).toEqual(["unavailable", "1"]);
    expect((await call(`${edge}/overload`)).status).toBe(302);
    expect((await call(`${edge}/healthz`)).status).toBe(200);
    quota.child.kill("SIGCONT");
    await Promise.all(first);
    expect(
      (
        await eventually(
          () => call(`${edge}/v1/usage`, { key }),
          ({ status }) => status === 200,
        )
      ).status,
    ).toBe(200);
  });
});

describe("an address that guesses keys", () => {
  it("is refused before auth is asked, with the time when it may go on", async () => {
    const guess = () => {
      return call(`${edge}/v1/usage`, { key: formatApiKey(randomBase62(26)) });
    };
    const answers = [];
    for (let index = 0; index < 80; index++) answers.push(await guess());
    const refused = answers.filter(({ status }) => status === 429);
    expect(answers.filter(({ status }) => status === 401).length).toBeGreaterThanOrEqual(30);
    expect(refused.length).toBeGreaterThanOrEqual(1);
    expect(refused[0]?.body).toMatchObject({
      code: "rate_limit_minute",
      message: expect.stringContaining("unknown API keys"),
    });
    expect(Number(refused[0]?.headers.get("retry-after"))).toBeGreaterThan(0);
  });

  it("is one behind a trusted proxy, in whatever spelling and with whatever port that forwards it", async () => {
    const { forwarded } = JSON.parse(
      readFileSync(new URL("../cases/client-addresses/cases.json", import.meta.url), "utf8"),
    ) as { forwarded: { text: string; address: string | null }[] };
    const spellings = forwarded.filter(({ address }) => address === "203.0.113.7").map(({ text }) => text);
    expect(spellings.length).toBeGreaterThan(5);
    const guessFrom = async (address: string) => {
      const headers = { "x-forwarded-for": address };
      return (await call(`${edge}/v1/usage`, { key: formatApiKey(randomBase62(26)), headers })).status;
    };
    const statuses: number[] = [];
    // Twice the limit, in case the minute ends meanwhile.
    for (let index = 0; index < 80; index++)
      statuses.push(await guessFrom(itemAt(spellings, index % spellings.length)));
    expect(statuses).toContain(429);
    expect(await guessFrom("198.51.100.9")).toBe(401);
  });
});
