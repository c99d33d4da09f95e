import { afterAll, describe, expect, inject, it } from "vitest";
import { formatApiKey } from "../../contracts/api-key.ts";
import { randomBase62 } from "../../platform/ids.ts";
import { call, openAuth } from "../support/api.ts";

const { edges, auths } = inject("cluster");
const edge = edges[0] as string;
const auth = openAuth(auths);
afterAll(() => auth.close());

const uuidV7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

async function newKey(): Promise<string> {
  return (await auth.newAccount()).key;
}

async function newCode(key: string, fields: object = {}) {
  const body = { name: "n", redirect_url: "https://example.com/", ...fields };
  const answer = await call(`${edge}/v1/qr-codes`, { key, body });
  expect(answer.status, answer.text).toBe(201);
  return { ...answer.body.data, etag: answer.headers.get("etag") };
}

describe("the envelope", () => {
  it("carries version and a request id, which is also a header", async () => {
    const answer = await call(`${edge}/v1/usage`, { key: await newKey() });
    expect(answer.body).toMatchObject({ ok: true, version: "2025-11-14-v1" });
    expect(answer.body.request_id).toMatch(uuidV7);
    expect(answer.headers.get("x-request-id")).toBe(answer.body.request_id);
    expect(answer.headers.get("content-type")).toBe("application/json; charset=utf-8");
  });

  it("keeps a valid request id of the client's and replaces any other", async () => {
    const sent = "0190b6a2-7f4c-7e10-8a5b-2f6c1d3e4a5b";
    const kept = await call(`${edge}/v1/usage`, { headers: { "x-request-id": sent } });
    expect(kept.status).toBe(401);
    expect(kept.body.request_id).toBe(sent);
    const replaced = await call(`${edge}/v1/usage`, { headers: { "x-request-id": "<script>" } });
    expect(replaced.body.request_id).toMatch(uuidV7);
  });
});

describe("order of checks", () => {
  it("tells an unauthenticated caller nothing about what exists", async () => {
    for (const path of [
      "/v1/qr-codes",
      "/v1/nope",
      "/v1/billing",
      "/v1",
      "//v1/qr-codes",
      "/%76%31/qr-codes",
      "/v1/qr-codes/%zz",
    ]) {
      for (const method of ["GET", "DELETE"]) {
        const answer = await call(`${edge}${path}`, { method });
        expect([path, answer.status, answer.body.code]).toEqual([path, 401, "unauthorized"]);
      }
    }
  });

  it("survives a path that cannot be decoded, with a key that is well-formed and with one that is good", async () => {
    for (const key of [formatApiKey(randomBase62(26)), await newKey()]) {
      for (const path of ["/v1/qr-codes/%zz", "/v1/%", "/v1/projects/%ff"]) {
        const answer = await call(`${edge}${path}`, { key });
        expect([path, answer.status < 500, answer.body.ok]).toEqual([path, true, false]);
      }
      // A scanner's page.
      const { status, text } = await call(`${edge}/%`, { key });
      expect([status, text.includes("<html")]).toEqual([404, true]);
    }
    expect((await call(`${edge}/healthz`)).status).toBe(200);
  });

  it("closes billing, subscription, keys and internals to keys, and says why", async () => {
    const key = await newKey();
    for (const path of ["/v1/billing", "/v1/subscription/plan", "/v1/api-keys", "/v1/internal/x?y=1"]) {
      const answer = await call(`${edge}${path}`, { key });
      expect([answer.status, answer.body.code]).toEqual([403, "forbidden"]);
      expect(answer.body.message.length).toBeGreaterThan(20);
    }
    const answer = await call(`${edge}/v1/billings`, { key });
    expect([answer.status, answer.body.code]).toEqual([404, "not_found"]);
  });

  it("refuses other methods with Allow, and says why a code is not deleted", async () => {
    const key = await newKey();
    for (const method of ["PUT", "OPTIONS"]) expect((await call(`${edge}/v1/usage`, { key, method })).status).toBe(405);
    const answer = await call(`${edge}/v1/qr-codes/${"0".repeat(20)}`, { key, method: "DELETE" });
    expect([answer.status, answer.body.code]).toEqual([405, "method_not_allowed"]);
    expect(answer.headers.get("allow")).toBe("GET, HEAD, PATCH");
    expect(answer.body.message).toContain("archived");
    expect((await call(`${edge}/v1/usage`, { key, body: "not even json" })).headers.get("allow")).toBe("GET, HEAD");
  });
});

describe("bodies", () => {
  const post = async (body: unknown, headers?: Record<string, string>) =>
    call(`${edge}/v1/qr-codes`, { key: await newKey(), body, ...(headers && { headers }) });

  it("names every field at fault", async () => {
    const answer = await post({});
    expect(answer.status).toBe(400);
    expect(answer.body.code).toBe("invalid_payload");
    expect(answer.body.details).toEqual([
      { field: "redirect_url", issue: "is required" },
      { field: "name", issue: "is required" },
    ]);
    const wrong = await post({ name: 1, redirect_url: "javascript:alert(1)", nam: "x", style: { foreground: 1 } });
    expect(wrong.body.details.map((detail: { field: string }) => detail.field).sort()).toEqual(
      ["nam", "name", "redirect_url", "style.foreground"].sort(),
    );
  });

  it("refuses what is not a JSON object", async () => {
    for (const body of [
      "",
      "{",
      "[]",
      "null",
      '"x"',
      '{"__proto__":{"x":1}}',
      '{"name":"\\ud800","redirect_url":"https://example.com"}',
    ]) {
      const answer = await post(body);
      expect([body, answer.status, answer.body.code]).toEqual([body, 400, "invalid_payload"]);
    }
  });

  it("refuses other media types with 415 and over 64 KiB with 413", async () => {
    expect((await post("a=b", { "content-type": "application/x-www-form-urlencoded" })).body.code).toBe(
      "unsupported_media_type",
    );
    expect((await post("{}", { "content-type": "text/plain" })).status).toBe(415);
    const large = await post({ name: "x".repeat(65_536), redirect_url: "https://example.com" });
    expect([large.status, large.body.code]).toEqual([413, "payload_too_large"]);
  });

  it("refuses redirect URLs that are no absolute http or https URL without credentials", async () => {
    const refused = [
      ..."javascript:alert(1)|data:text/html,x|/relative|//host/x|http://|https://u:p@example.com|ftp://x".split("|"),
      "https://exa mple.com",
      "https://example.com/\r\nset-cookie: a=b",
      "https://example.com/\u0000",
      `https://example.com/${"x".repeat(2_048)}`,
      "",
    ];
    const key = (await auth.newAccount()).key;
    for (const redirect_url of refused) {
      const answer = await call(`${edge}/v1/qr-codes`, { key, body: { name: "n", redirect_url } });
      expect([redirect_url, answer.status]).toEqual([redirect_url, 400]);
      expect(answer.body.details[0].field).toBe("redirect_url");
    }
  });

  it("gives a redirect URL back byte for byte in JSON, and in ASCII in Location", async () => {
    const key = await newKey();
    for (const [given, sent] of [
      ["https://exämple.com/ü?q=日本#é", "https://xn--exmple-cua.com/%C3%BC?q=%E6%97%A5%E6%9C%AC#%C3%A9"],
      ["HTTP://EXAMPLE.com:80/%7e/../x?a=b&c", "HTTP://EXAMPLE.com:80/%7e/../x?a=b&c"],
    ]) {
      const code = await newCode(key, { redirect_url: given });
      expect(code.redirect_url).toBe(given);
      expect((await call(`${edge}/${code.slug}`)).headers.get("location")).toBe(sent);
    }
  });

  it("counts the characters of a redirect URL as code points, and bounds what scans get in bytes", async () => {
    const key = await newKey();
    const start = "https://e.com/";
    for (const [tail, issue] of [
      [`${"x".repeat(1_600)}${"🍕".repeat(434)}`, undefined],
      [`${"x".repeat(1_600)}${"🍕".repeat(435)}`, "must have at most 2048 characters"],
      ["🍕".repeat(682), "must have at most 8192 bytes when it is percent-encoded"],
    ] as const) {
      const answer = await call(`${edge}/v1/qr-codes`, { key, body: { name: "n", redirect_url: start + tail } });
      expect([answer.status, answer.body.details?.[0].issue]).toEqual([issue ? 400 : 201, issue]);
    }
  });
});

describe("codes", () => {
  it("take a chosen slug once, and no reserved or malformed one", async () => {
    const key = await newKey();
    const slug = `chosen-${Date.now()}`;
    await newCode(key, { slug });
    const again = await call(`${edge}/v1/qr-codes`, {
      key: await newKey(),
      body: { name: "n", redirect_url: "https://example.com", slug },
    });
    expect([again.status, again.body.code]).toEqual([409, "conflict"]);
    for (const bad of ["v1", "docs", "healthz", "Ab", "-ab", "a b", "x".repeat(65)]) {
      const answer = await call(`${edge}/v1/qr-codes`, {
        key,
        body: { name: "n", redirect_url: "https://example.com", slug: bad },
      });
      expect([bad, answer.status, answer.body.details?.[0].field]).toEqual([bad, 400, "slug"]);
    }
  });

  it("may not lead to a short URL, of whatever code and edge, so that none leads back to itself", async () => {
    const key = await newKey();
    const [code, other] = [await newCode(key), await newCode(key)];
    const own = new URL(code.short_url);
    const spelled = code.short_url.replace(own.hostname, "LOCALHOST.");
    const throughOther = `${edges[1]}/${code.slug}`;
    for (const redirect_url of [code.short_url, `${code.short_url}/`, `${code.short_url}?x#y`, spelled, throughOther]) {
      for (const { id } of [code, other]) {
        const answer = await call(`${edge}/v1/qr-codes/${id}`, { key, method: "PATCH", body: { redirect_url } });
        expect([redirect_url, answer.status, answer.body.details?.[0].field]).toEqual([
          redirect_url,
          400,
          "redirect_url",
        ]);
      }
      const created = await call(`${edge}/v1/qr-codes`, { key, body: { name: "loop", redirect_url } });
      expect([redirect_url, created.status]).toEqual([redirect_url, 400]);
    }
  });

  it("list newest first, page by page, each code once", async () => {
    const key = await newKey();
    const made: string[] = [];
    for (let i = 0; i < 5; i++) made.unshift((await newCode(key, { name: `code ${i}` })).id);
    const seen: string[] = [];
    let token: string | null = "";
    do {
      const page = await call(`${edge}/v1/qr-codes?page_size=2${token && `&next_page_token=${token}`}`, { key });
      seen.push(...page.body.items.map((code: { id: string }) => code.id));
      token = page.body.next_page_token;
      if (seen.length === 2) await newCode(key, { name: "came later" });
    } while (token !== null);
    expect(seen).toEqual(made);
  });

  it("list by status, project and part of the name", async () => {
    const key = await newKey();
    const project = (await call(`${edge}/v1/projects`, { key, body: { name: "p", description: "d" } })).body.data;
    const a = await newCode(key, { name: "Alpha 100%", project_id: project.id });
    const b = await newCode(key, { name: "Beta" });
    await call(`${edge}/v1/qr-codes/${b.id}`, { key, method: "PATCH", body: { status: "archived" } });
    const ids = async (query: string) =>
      (await call(`${edge}/v1/qr-codes?${query}`, { key })).body.items.map((code: { id: string }) => code.id);
    expect(await ids("")).toEqual([a.id]);
    expect(await ids("status=archived")).toEqual([b.id]);
    expect(await ids("status=all")).toEqual([b.id, a.id]);
    expect(await ids(`status=all&project_id=${project.id}`)).toEqual([a.id]);
    expect(await ids("q=ALPHA")).toEqual([a.id]);
    expect(await ids("q=100%25")).toEqual([a.id]);
    expect(await ids("status=all&q=%25")).toEqual([a.id]);
    expect(await ids("q=_")).toEqual([]);
  });

  it("refuse malformed list parameters and name the one at fault", async () => {
    const key = await newKey();
    const bad = ["next_page_token=!", "status=gone", "foo=1", "page_size=1&page_size=2"];
    for (const query of bad) {
      const answer = await call(`${edge}/v1/qr-codes?${query}`, { key });
      expect([query, answer.status, answer.body.code]).toEqual([query, 400, "invalid_request"]);
      expect(answer.body.details[0].field).toBe(query.split("=")[0]);
    }
    const answer = await call(`${edge}/v1/qr-codes?project_id=${"x".repeat(20)}`, { key });
    expect([answer.status, answer.body.code]).toEqual([404, "project_not_found"]);
  });

  it("refuse a query that cannot be read, and say what to change", async () => {
    const key = await newKey();
    const messageOf = async (query: string) => (await call(`${edge}/v1/qr-codes?${query}`, { key })).body.message;
    expect(await messageOf("status=all&status=all")).toBe("status must be given once");
    expect(await messageOf("q=caf%E9")).toContain("percent-encoded");
    expect(await messageOf("=1")).toBe("A parameter of the query has no name.");
  });

  it("are not there under names that cannot exist", async () => {
    const key = await newKey();
    for (const name of ["x", "%00", "a%2Fb", "é", "x".repeat(99)]) {
      const answer = await call(`${edge}/v1/qr-codes/${name}`, { key });
      expect([name, answer.status, answer.body.code]).toEqual([name, 404, "not_found"]);
    }
  });

  it("change in every field that PATCH takes, and in no other", async () => {
    const key = await newKey();
    const project = (await call(`${edge}/v1/projects`, { key, body: { name: "p" } })).body.data;
    const code = await newCode(key);
    const body = {
      name: "Zwölf",
      redirect_url: "https://example.org/x",
      project_id: project.id,
      style: { foreground: "#112233" },
    };
    const patched = await call(`${edge}/v1/qr-codes/${code.id}`, { key, method: "PATCH", body });
    expect(patched.body.data).toMatchObject({ ...body, style: { foreground: "#112233", background: "#ffffff" } });
    expect(Date.parse(patched.body.data.updated_at)).toBeGreaterThanOrEqual(Date.parse(code.created_at));
    for (const field of ["slug", "id", "short_url"]) {
      const refused = await call(`${edge}/v1/qr-codes/${code.id}`, { key, method: "PATCH", body: { [field]: "x" } });
      expect([refused.status, refused.body.details[0].field]).toEqual([400, field]);
    }
  });

  it("answer 304 to the ETag that is current, and 412 to an edit of a revision that has passed", async () => {
    const key = await newKey();
    const code = await newCode(key);
    const url = `${edge}/v1/qr-codes/${code.id}`;
    const unchanged = await call(url, { key, headers: { "if-none-match": `W/${code.etag}` } });
    expect([unchanged.status, unchanged.text, unchanged.headers.get("etag")]).toEqual([304, "", code.etag]);
    const edit = (ifMatch: string) =>
      call(url, { key, method: "PATCH", body: { name: "x" }, headers: { "if-match": ifMatch } });
    const first = await edit(code.etag);
    expect(first.status).toBe(200);
    expect(first.headers.get("etag")).not.toBe(code.etag);
    const second = await edit(code.etag);
    expect([second.status, second.body.code]).toEqual([412, "precondition_failed"]);
    expect((await edit("*")).status).toBe(200);
    expect((await edit("x")).status).toBe(400);
    expect((await call(url, { key, headers: { "if-none-match": code.etag } })).status).toBe(200);
  });
});

describe("projects", () => {
  it("are created, read and listed, after the default project that each account is born with", async () => {
    const key = await newKey();
    const created = await call(`${edge}/v1/projects`, { key, body: { name: "Labels", description: "Boxes" } });
    expect(created.status).toBe(201);
    const project = created.body.data;
    expect(created.headers.get("location")).toBe(`/v1/projects/${project.id}`);
    expect(project).toMatchObject({
      name: "Labels",
      description: "Boxes",
      is_default: false,
      has_custom_domain: false,
      created_via: "api",
    });
    expect((await call(`${edge}/v1/projects/${project.id}`, { key })).body.data).toEqual(project);
    const list = (await call(`${edge}/v1/projects`, { key })).body;
    expect(list.next_page_token).toBeNull();
    expect(list.items.map((one: { is_default: boolean }) => one.is_default)).toEqual([false, true]);
    const code = await newCode(key);
    expect(code.project_id).toBe(list.items[1].id);
  });

  it("refuse empty and overlong fields", async () => {
    const key = await newKey();
    for (const body of [{ name: " " }, { name: "x".repeat(101) }, { name: "n", description: "x".repeat(501) }]) {
      expect((await call(`${edge}/v1/projects`, { key, body })).body.code).toBe("invalid_payload");
    }
  });
});

describe("probes", () => {
  it("tell that the edge lives and can serve", async () => {
    expect((await call(`${edge}/healthz`)).status).toBe(200);
    expect((await call(`${edge}/readyz`)).status).toBe(200);
    expect((await call(`${edge}/`)).headers.get("content-type")).toBe("text/html; charset=utf-8");
  });
});
