import { afterAll, describe, expect, inject, it } from "vitest";
import { Plan } from "../../gen/qrforge/auth/v1/account_pb.ts";
import { SessionService } from "../../gen/qrforge/auth/v1/session_pb.ts";
import { createRpcClient } from "../../platform/rpc/client.ts";
import { routes } from "../../services/edge/api/routes/index.ts";
import { sessionRoutes } from "../../services/edge/dashboard/routes/session.ts";
import { call, openAuth, wait } from "../support/api.ts";

const { edges, auths } = inject("cluster");
const edge = edges[0] as string;
const api = `${edge}/dashboard/api`;
const auth = openAuth(auths);
const sessions = createRpcClient(SessionService, { address: auths.join(",") });
afterAll(() => {
  auth.close();
  sessions.close();
});

/** A browser that is signed in to a new account. */
async function signedIn(...plan: Parameters<typeof auth.newAccount>) {
  const account = await auth.newAccount(...plan);
  const { token } = await sessions.client.createSignInLink({ accountId: account.accountId }, wait);
  const answer = await call(`${api}/session/link`, { body: { token } });
  const cookie = (answer.headers.get("set-cookie") ?? "").split(";")[0] as string;
  const headers = { cookie, "x-csrf-token": answer.body.data.csrf_token as string };
  return { ...account, token, answer, cookie, headers };
}

describe("the dashboard's calls", () => {
  it("give a session in a cookie that scripts and other sites cannot use", async () => {
    const { answer } = await signedIn();
    expect(answer.headers.get("set-cookie")).toMatch(/^qrforge=[\w-]{43}; .*HttpOnly; SameSite=Strict$/);
    expect(JSON.stringify(answer.body)).not.toContain(
      /qrforge=([\w-]+)/.exec(answer.headers.get("set-cookie") ?? "")?.[1],
    );
  });

  it("are refused without a session, each of them", async () => {
    const { keyId, key } = await auth.newAccount();
    const closed = [...sessionRoutes, ...routes.filter((one) => one.operation !== "getUsage")];
    for (const { method, path } of closed) {
      const url = `${api}${path.replace(":id", keyId)}`;
      const body = method === "GET" || method === "DELETE" ? {} : { body: {} };
      for (const options of [{}, { key }, { headers: { cookie: `qrforge=${"a".repeat(43)}`, "x-csrf-token": "a" } }]) {
        const answer = await call(url, { method, ...body, ...options });
        expect([401, 403], `${method} ${path}`).toContain(answer.status);
        // No scheme that a browser knows, which would have it ask for a password in a window of its own.
        const challenge = answer.status === 401 ? 'Session realm="qrforge"' : null;
        expect(answer.headers.get("www-authenticate")).toBe(challenge);
      }
    }
  });

  it("that are refused are for their caller alone, and of the type they say", async () => {
    const refused = [
      await call(`${api}/keys`),
      await call(`${api}/session`, { body: "{", headers: { "content-type": "application/json" } }),
      await call(`${api}/session`, { body: {}, headers: { "sec-fetch-site": "cross-site" } }),
      await call(`${api}/nothing`),
      await call(`${api}/nothing`, { body: {} }),
      await call(`${api}/%zz`),
    ];
    expect(refused.map(({ status }) => status)).toEqual([401, 400, 403, 404, 404, 400]);
    for (const { headers, body } of refused) {
      expect(body.ok).toBe(false);
      expect(headers.get("cache-control")).toMatch(/^private, no-(store|cache)$/);
      expect(headers.get("x-content-type-options")).toBe("nosniff");
    }
  });

  it("refuse a change without the token that only the dashboard's own page has", async () => {
    const { cookie, headers, keyId, key } = await signedIn();
    const revoke = `${api}/keys/${keyId}/revoke`;
    const thefts: Record<string, string>[] = [
      { cookie },
      { cookie, "x-csrf-token": "" },
      { ...headers, "sec-fetch-site": "cross-site" },
    ];
    for (const stolen of thefts) {
      expect((await call(revoke, { method: "POST", headers: stolen })).status).toBe(403);
    }
    const form = { cookie, "content-type": "application/x-www-form-urlencoded" };
    expect((await call(`${api}/keys`, { body: "name=stolen", headers: form })).status).toBe(403);
    const ownForm = { ...headers, "content-type": "application/x-www-form-urlencoded" };
    expect((await call(`${api}/keys`, { body: "name=mine", headers: ownForm })).status).toBe(415);
    expect((await call(`${edge}/v1/usage`, { key })).status).toBe(200);
    expect((await call(revoke, { method: "POST", headers })).status).toBe(200);
    expect((await call(`${edge}/v1/usage`, { key })).status).toBe(401);
  });

  it("do not let one site sign a browser in to another's account", async () => {
    const { accountId } = await auth.newAccount();
    const { token } = await sessions.client.createSignInLink({ accountId }, wait);
    const headers = { "sec-fetch-site": "cross-site" };
    expect((await call(`${api}/session/link`, { body: { token }, headers })).status).toBe(403);
  });

  it("use a sign-in link up", async () => {
    const { token } = await signedIn();
    const again = await call(`${api}/session/link`, { body: { token } });
    expect([again.status, again.body.message]).toEqual([401, expect.stringContaining("used before")]);
  });

  it("end with the session", async () => {
    const { headers } = await signedIn();
    expect((await call(`${api}/session`, { headers })).status).toBe(200);
    const out = await call(`${api}/session`, { method: "DELETE", headers });
    expect(out.headers.get("set-cookie")).toContain("Expires=Thu, 01 Jan 1970");
    expect((await call(`${api}/session`, { headers })).status).toBe(401);
  });

  it("that read are not charged, and see what keys made", async () => {
    const { headers, key } = await signedIn();
    const body = { name: "n", redirect_url: "https://example.com/" };
    const { body: made } = await call(`${edge}/v1/qr-codes`, { key, body });
    for (let index = 0; index < 20; index++) await call(`${api}/v1/qr-codes`, { headers });
    const { body: usage } = await call(`${api}/usage`, { headers });
    expect(usage.data.day.used).toBe(1);
    expect(usage.data.days.at(-1).used).toBe(1);
    const { body: list } = await call(`${api}/v1/qr-codes`, { headers });
    expect(list.items[0].id).toBe(made.data.id);
  });

  it("show nothing of another account, and touch none of its keys", async () => {
    const [one, other] = [await signedIn(), await signedIn()];
    for (const act of ["rotate", "revoke"]) {
      const answer = await call(`${api}/keys/${other.keyId}/${act}`, { method: "POST", headers: one.headers });
      expect(answer.status).toBe(404);
    }
    expect((await call(`${edge}/v1/usage`, { key: other.key })).status).toBe(200);
    const { body } = await call(`${api}/audit`, { headers: one.headers });
    expect(body.items.length).toBeGreaterThan(0);
    expect(JSON.stringify(body.items)).not.toContain(other.keyId);
  });

  it("list every key, page after page", { timeout: 60_000 }, async () => {
    const { accountId, keyId } = await auth.newAccount(Plan.ENTERPRISE);
    const made = [keyId];
    for (let index = 0; index < 100; index++) {
      const { key } = await auth.keys.createKey({ accountId, name: `key ${index}` }, wait);
      made.push(key?.keyId as string);
    }
    const { token } = await sessions.client.createSignInLink({ accountId }, wait);
    const signedIn = await call(`${api}/session/link`, { body: { token } });
    const headers = { cookie: (signedIn.headers.get("set-cookie") ?? "").split(";")[0] as string };
    const first = (await call(`${api}/keys`, { headers })).body;
    expect(first.items.length).toBe(100);
    const rest = (await call(`${api}/keys?next_page_token=${first.next_page_token}`, { headers })).body;
    expect(rest.next_page_token).toBeNull();
    const listed = [...first.items, ...rest.items].map(({ id }) => id);
    expect(listed.toSorted()).toEqual(made.toSorted());
  });

  it("mark projects as made in the dashboard", async () => {
    const { headers } = await signedIn();
    const { body } = await call(`${api}/v1/projects`, { headers, body: { name: "Labels" } });
    expect(body.data.created_via).toBe("dashboard");
  });

  it("give an account without a password its first one, with which it signs in", async () => {
    const { headers, email } = await signedIn();
    const password = "a good long password";
    const set = await call(`${api}/password`, { headers, body: { old_password: "", new_password: password } });
    expect([set.status, set.body.data.has_password]).toEqual([200, true]);
    expect((await call(`${api}/session`, { body: { email, password } })).status).toBe(200);
    expect((await call(`${api}/session`, { body: { email, password: "another password" } })).status).toBe(401);
  });
});

describe("an account's dashboard", () => {
  it("is no way around the quota", { timeout: 60_000 }, async () => {
    const { headers } = await signedIn();
    const statuses = new Set<number>();
    let refused: Awaited<ReturnType<typeof call>> | undefined;
    // More than two minutes have room for, should the minute change.
    for (let made = 0; made < 3_000 && !refused; made += 50) {
      const answers = await Promise.all(Array.from({ length: 50 }, () => call(`${api}/session`, { headers })));
      for (const { status } of answers) statuses.add(status);
      refused = answers.find(({ status }) => status === 429);
    }
    expect([...statuses].sort()).toEqual([200, 429]);
    expect(refused?.body).toMatchObject({ code: "rate_limit_minute", message: expect.stringContaining("dashboard") });
  });
});

describe("the windows of an account's dashboard", () => {
  const code = (name: string) => ({ name, redirect_url: "https://example.com" });
  const batch = { qr_codes: Array.from({ length: 100 }, (_, index) => code(`${index}`)) };
  const at = (index: number) => `${edges[index % edges.length]}/dashboard/api`;
  const statusesOf = (answers: { status: number }[]) => answers.map(({ status }) => status).sort();

  it("admit exactly what the plan allows, over all edges, and leave those of the API alone", async () => {
    const { headers, key, keyId } = await signedIn(Plan.ENTERPRISE, { perMinute: 0n, perDay: 203n });
    const batches = await Promise.all(
      Array.from({ length: 4 }, (_, index) => call(`${at(index)}/v1/qr-codes/batch`, { headers, body: batch })),
    );
    expect(statusesOf(batches)).toEqual([201, 201, 429, 429]);
    const refused = batches.find(({ status }) => status === 429);
    expect(refused?.body.code).toBe("rate_limit_day");
    expect(Number(refused?.headers.get("retry-after"))).toBeGreaterThan(0);
    expect(refused?.headers.get("ratelimit")).toMatch(/^"day";r=3;t=\d+$/);

    const style = { text: "https://example.com", style: {} };
    const id = batches.find(({ status }) => status === 201)?.body.items[0].id;
    const ones = await Promise.all([
      ...Array.from({ length: 4 }, (_, index) => call(`${at(index)}/v1/qr-codes`, { headers, body: code("one") })),
      ...Array.from({ length: 2 }, (_, index) => call(`${at(index)}/preview`, { headers, body: style })),
      call(`${api}/v1/qr-codes/${id}/image?format=png`, { headers }),
    ]);
    expect(ones.filter(({ status }) => status === 429)).toHaveLength(4);

    const usage = await call(`${edge}/v1/usage`, { key });
    expect(usage.body.data.day).toMatchObject({ limit: 203, used: 1 });
    const reads = ["v1/qr-codes", "usage", "keys", `v1/qr-codes/${id}/image?format=svg&size=80`];
    for (const path of reads) expect((await call(`${api}/${path}`, { headers })).status, path).toBe(200);
    expect((await call(`${api}/keys/${keyId}/revoke`, { method: "POST", headers })).status).toBe(200);
  });

  it("are shown to its owner beside those of the API", async () => {
    const { headers, key } = await signedIn();
    await call(`${api}/v1/qr-codes/batch`, { headers, body: batch });
    await call(`${edge}/v1/usage`, { key });
    const { data } = (await call(`${api}/usage`, { headers })).body;
    expect([data.day, data.dashboard.day]).toMatchObject([
      { limit: 50_000, used: 1 },
      { limit: 50_000, used: 100 },
    ]);
  });
});

describe("rotating keys", () => {
  it("costs nothing and is bounded by the minute, while keys can be revoked and sessions ended", async () => {
    const { headers, keyId } = await signedIn();
    const rotate = () => call(`${api}/keys/no-such-key/rotate`, { method: "POST", headers });
    // The minute may end in between.
    const statuses = new Set<number>();
    for (let tries = 0; tries < 130 && !statuses.has(429); tries++) statuses.add((await rotate()).status);
    expect([...statuses]).toEqual([404, 429]);
    expect((await call(`${api}/keys/${keyId}/revoke`, { method: "POST", headers })).status).toBe(200);
    expect((await call(`${api}/session`, { method: "DELETE", headers })).status).toBe(200);
  });
});

describe("sign-ups", () => {
  it("are a few a minute for one address", async () => {
    const answers = [];
    for (let index = 0; index < 30; index++) {
      const body = { email: `many-${index}@qrforge.example`, password: "short" };
      answers.push(await call(`${api}/sign-up`, { body }));
    }
    const refused = answers.filter(({ status }) => status === 429);
    expect(refused.length).toBeGreaterThan(0);
    expect(Number(refused[0]?.headers.get("retry-after"))).toBeGreaterThan(0);
  });
});

describe("the dashboard's page", () => {
  it("runs no script or style but its own files, which are kept for good", async () => {
    const page = await call(`${edge}/`);
    const policy = page.headers.get("content-security-policy") ?? "";
    expect(policy).not.toMatch(/unsafe|\*/);
    expect(page.text).not.toMatch(/<script(?![^>]* src=)|<style| style="| on\w+="/);
    const files = [...page.text.matchAll(/(?:src|href)="(\/assets\/[^"]+)"/g)].map(([, file]) => file);
    expect(files.length).toBeGreaterThan(1);
    let bytes = 0;
    for (const file of files) {
      const answer = await fetch(`${edge}${file}`, { headers: { "accept-encoding": "gzip" } });
      expect(answer.headers.get("cache-control")).toBe("public, max-age=31536000, immutable");
      if (file?.endsWith(".js")) bytes += Number(answer.headers.get("content-length"));
      await answer.arrayBuffer();
    }
    expect(bytes).toBeGreaterThan(10_000);
    expect(bytes).toBeLessThan(150_000);
  });
});
