import { afterAll, describe, expect, inject, it } from "vitest";
import { call, eventually, openAuth, wait } from "../support/api.ts";

const { edges, auths } = inject("cluster");
const [edge, otherEdge] = edges as [string, string];
const auth = openAuth(auths);
afterAll(() => auth.close());

const idPattern = /^[0-9A-Za-z]{20}$/;
const timePattern = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

describe("a key, a code, a scan", () => {
  it("goes from key to code to scan to edit to archive, on both edges", async () => {
    const { key } = await auth.newAccount();
    const created = await call(`${edge}/v1/qr-codes`, {
      key,
      body: { name: "Menu", redirect_url: "https://example.com/menu?a=1" },
    });
    expect(created.status).toBe(201);
    const code = created.body.data;
    expect(created.headers.get("location")).toBe(`/v1/qr-codes/${code.id}`);
    expect(created.headers.get("etag")).toBe('"1.0"');
    expect(code).toEqual({
      id: expect.stringMatching(idPattern),
      name: "Menu",
      slug: expect.stringMatching(/^qr-[0-9a-z]{7}$/),
      status: "active",
      taken_down: false,
      type: "url",
      project_id: expect.stringMatching(idPattern),
      redirect_url: "https://example.com/menu?a=1",
      short_url: expect.stringMatching(new RegExp(`^http://localhost:\\d+/${code.slug}$`)),
      style: {
        foreground: "#000000",
        background: "#ffffff",
        module_shape: "square",
        finder_shape: "square",
        logo: null,
        logo_size: 20,
        caption: null,
      },
      render_status: "ready",
      last_rendered_at: expect.stringMatching(timePattern),
      scan_count: 0,
      created_at: expect.stringMatching(timePattern),
      updated_at: expect.stringMatching(timePattern),
    });

    for (const name of [code.id, code.slug]) {
      const read = await call(`${otherEdge}/v1/qr-codes/${name}`, { key });
      expect(read.status).toBe(200);
      expect(read.body.data).toEqual(code);
    }

    const scan = await call(`${edge}/${code.slug}`);
    expect(scan.status).toBe(302);
    expect(scan.headers.get("location")).toBe("https://example.com/menu?a=1");
    expect(scan.headers.get("cache-control")).toBe("private, no-store");
    expect(scan.headers.get("referrer-policy")).toBe("no-referrer-when-downgrade");
    expect((await call(`${otherEdge}/${code.slug}`)).status).toBe(302);

    const edited = await call(`${edge}/v1/qr-codes/${code.id}`, {
      method: "PATCH",
      key,
      body: { redirect_url: "https://example.org/new" },
    });
    expect(edited.status).toBe(200);
    expect(edited.body.data.redirect_url).toBe("https://example.org/new");
    const scanLocation = async (from: string) => (await call(`${from}/${code.slug}`)).headers.get("location");
    expect(await scanLocation(otherEdge)).toBe("https://example.org/new");
    expect(await scanLocation(edge)).toBe("https://example.org/new");

    await call(`${edge}/v1/qr-codes/${code.id}`, { method: "PATCH", key, body: { status: "archived" } });
    for (const from of [edge, otherEdge]) {
      const gone = await call(`${from}/${code.slug}`);
      expect(gone.status).toBe(410);
      expect(gone.headers.get("content-type")).toBe("text/html; charset=utf-8");
    }
    await call(`${edge}/v1/qr-codes/${code.id}`, { method: "PATCH", key, body: { status: "active" } });
    expect((await call(`${otherEdge}/${code.slug}`)).status).toBe(302);
  });

  it("counts each GET scan and no HEAD scan", async () => {
    const { key } = await auth.newAccount();
    const { body } = await call(`${edge}/v1/qr-codes`, {
      key,
      body: { name: "n", redirect_url: "https://example.com" },
    });
    for (let scan = 0; scan < 5; scan++) await call(`${edges[scan % 2]}/${body.data.slug}`);
    expect((await call(`${edge}/${body.data.slug}`, { method: "HEAD" })).status).toBe(302);
    const scanCount = async () => (await call(`${edge}/v1/qr-codes/${body.data.id}`, { key })).body.data.scan_count;
    expect(await eventually(scanCount, (count) => count >= 5)).toBe(5);
  });

  it("answers an unknown slug with 404 and a page", async () => {
    const answer = await call(`${edge}/qr-0000000`);
    expect(answer.status).toBe(404);
    expect(answer.headers.get("content-type")).toBe("text/html; charset=utf-8");
  });
});

describe("keys", () => {
  const probe = (from: string, key: string) => call(`${from}/v1/usage`, { key });

  it("a rotated key is refused with unauthorized on each edge, and the new one works", async () => {
    const account = await auth.newAccount();
    for (const from of edges) expect((await probe(from, account.key)).status).toBe(200);
    const { secret } = await auth.keys.rotateKey({ keyId: account.keyId }, wait);
    for (const from of edges) {
      const refused = await probe(from, account.key);
      expect(refused.status).toBe(401);
      expect(refused.body).toMatchObject({ code: "unauthorized", message: "API key not found or inactive" });
      expect((await probe(from, secret)).status).toBe(200);
    }
  });

  it("a revoked key is refused with api_key_inactive on each edge", async () => {
    const account = await auth.newAccount();
    for (const from of edges) expect((await probe(from, account.key)).status).toBe(200);
    await auth.keys.revokeKey({ keyId: account.keyId }, wait);
    for (const from of edges) {
      const refused = await probe(from, account.key);
      expect(refused.status).toBe(401);
      expect(refused.body.code).toBe("api_key_inactive");
    }
  });

  it("a disabled account's key is refused with api_key_inactive, and works again once enabled", async () => {
    const account = await auth.newAccount();
    await probe(edge, account.key);
    await auth.accounts.disableAccount({ accountId: account.accountId }, wait);
    const refused = await probe(edge, account.key);
    expect(refused.status).toBe(401);
    expect(refused.body.code).toBe("api_key_inactive");
    await auth.accounts.enableAccount({ accountId: account.accountId }, wait);
    expect((await probe(edge, account.key)).status).toBe(200);
  });

  it("a malformed key, a mistyped key and no key are each told what is wrong", async () => {
    const { key } = await auth.newAccount();
    const mistyped = key.slice(0, -1) + (key.endsWith("a") ? "b" : "a");
    for (const sent of ["nonsense", mistyped, `${key}x`]) {
      const answer = await probe(edge, sent);
      expect(answer.status).toBe(401);
      expect(answer.body.code).toBe("unauthorized");
    }
    expect((await call(`${edge}/v1/usage`)).body.code).toBe("unauthorized");
  });

  it("a bearer token does as well, and two different keys are refused", async () => {
    const one = await auth.newAccount();
    const other = await auth.newAccount();
    const bearer = { authorization: `Bearer ${one.key}` };
    expect((await call(`${edge}/v1/usage`, { headers: bearer })).status).toBe(200);
    expect((await call(`${edge}/v1/usage`, { headers: bearer, key: one.key })).status).toBe(200);
    expect((await call(`${edge}/v1/usage`, { headers: bearer, key: other.key })).status).toBe(401);
  });

  it("a second key on Free or Pro is refused, also when many ask at once", async () => {
    const { accountId, keyId } = await auth.newAccount();
    await auth.keys.revokeKey({ keyId }, wait);
    const asked = Array.from({ length: 10 }, () => auth.keys.createKey({ accountId, name: "k" }, wait));
    const outcomes = await Promise.allSettled(asked);
    expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    for (const outcome of outcomes) {
      if (outcome.status === "rejected") expect(outcome.reason.reason).toBe("KEY_LIMIT_REACHED");
    }
  });

  it("of two rotations at once one wins and one is told that the key is not active", async () => {
    const { keyId } = await auth.newAccount();
    const outcomes = await Promise.allSettled([
      auth.keys.rotateKey({ keyId }, wait),
      auth.keys.rotateKey({ keyId }, wait),
    ]);
    expect(outcomes.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
    const lost = outcomes.find((outcome) => outcome.status === "rejected");
    expect(lost?.reason.reason).toBe("KEY_NOT_ACTIVE");
  });
});

describe("two accounts", () => {
  it("cannot see, list or change each other's things", async () => {
    const mine = await auth.newAccount();
    const theirs = await auth.newAccount();
    const code = (
      await call(`${edge}/v1/qr-codes`, { key: mine.key, body: { name: "n", redirect_url: "https://example.com" } })
    ).body.data;
    const project = (await call(`${edge}/v1/projects`, { key: mine.key, body: { name: "p" } })).body.data;
    const theirCall = (path: string, options = {}) => call(`${edge}${path}`, { key: theirs.key, ...options });

    for (const name of [code.id, code.slug]) {
      expect((await theirCall(`/v1/qr-codes/${name}`)).body.code).toBe("not_found");
    }
    const patched = await theirCall(`/v1/qr-codes/${code.id}`, { method: "PATCH", body: { name: "x" } });
    expect([patched.status, patched.body.code]).toEqual([404, "not_found"]);
    expect((await theirCall("/v1/qr-codes?status=all")).body.items).toEqual([]);
    expect((await theirCall(`/v1/projects/${project.id}`)).body.code).toBe("not_found");
    const list = (await theirCall("/v1/projects")).body.items;
    expect(list.map((one: { is_default: boolean }) => one.is_default)).toEqual([true]);
    const created = await theirCall("/v1/qr-codes", {
      body: { name: "n", redirect_url: "https://example.com", project_id: project.id },
    });
    expect([created.status, created.body.code]).toEqual([404, "project_not_found"]);
  });
});
