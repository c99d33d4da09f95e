import postgres from "postgres";
import { afterAll, describe, expect, inject, it } from "vitest";
import { Plan } from "../../gen/qrforge/auth/v1/account_pb.ts";
import { SessionService } from "../../gen/qrforge/auth/v1/session_pb.ts";
import { QrCodeService, QrCodeStatus } from "../../gen/qrforge/qr/v1/qr_code_pb.ts";
import { ServiceError } from "../../platform/errors.ts";
import { newId, randomBase36 } from "../../platform/ids.ts";
import { createRpcClient } from "../../platform/rpc/client.ts";
import { createCodeCountStore } from "../../services/qr/store/code-counts.ts";
import { addCodes } from "../support/add-codes.ts";
import { type ApiAnswer, call, openAuth, wait } from "../support/api.ts";
import { openTestPool } from "../support/filled.ts";

const { edges, auths, qrs, databaseUrl } = inject("cluster");
const auth = openAuth(auths);
const qrCodes = createRpcClient(QrCodeService, { address: qrs.join(",") });
const sessions = createRpcClient(SessionService, { address: auths.join(",") });
const sql = postgres(databaseUrl, { max: 1 });
afterAll(async () => {
  auth.close();
  qrCodes.close();
  sessions.close();
  await sql.end();
});
const url = (path: string, index = 0) => `${edges[index % edges.length]}${path}`;
const newKey = async () => (await auth.newAccount(Plan.ENTERPRISE)).key;
const newSlug = () => `t-${randomBase36(12)}`;
const fields = (more: object = {}) => ({ name: "n", redirect_url: "https://example.com/", ...more });

describe("a batch", () => {
  const post = (key: string, codes: unknown, headers = {}) =>
    call(url("/v1/qr-codes/batch"), { key, body: { qr_codes: codes }, headers });

  it("creates all its codes, in order", async () => {
    const key = await newKey();
    const codes = Array.from({ length: 100 }, (_, index) => fields({ name: `Label ${index}` }));
    const answer = await post(key, codes);
    expect(answer.status).toBe(201);
    expect(answer.body.items.map(({ name }: { name: string }) => name)).toEqual(codes.map(({ name }) => name));
    expect(new Set(answer.body.items.map(({ slug }: { slug: string }) => slug)).size).toBe(100);
    const last = answer.body.items[99];
    expect((await call(url(`/v1/qr-codes/${last.id}`, 1), { key })).body.data).toEqual(last);
  });

  it("creates none if one is at fault, and names it", async () => {
    const key = await newKey();
    const wrong = await post(key, [fields(), fields({ name: "", slug: "X" }), { name: "n" }]);
    expect([wrong.status, wrong.body.code]).toEqual([400, "invalid_payload"]);
    expect(wrong.body.details.map(({ field }: { field: string }) => field)).toEqual([
      "qr_codes.1.name",
      "qr_codes.1.slug",
      "qr_codes.2.redirect_url",
    ]);
    const reserved = await post(key, [fields(), fields({ slug: "healthz" })]);
    expect([reserved.status, reserved.body.details[0].field]).toEqual([400, "qr_codes.1.slug"]);
    const slug = newSlug();
    await call(url("/v1/qr-codes"), { key, body: fields({ slug }) });
    const taken = await post(key, [fields(), fields({ slug })]);
    expect([taken.status, taken.body.code, taken.body.details]).toEqual([
      409,
      "conflict",
      [{ field: "qr_codes.1.slug", issue: "is taken; choose another" }],
    ]);
    const twice = newSlug();
    const doubled = await post(key, [fields({ slug: twice }), fields({ slug: twice })]);
    expect([doubled.status, doubled.body.details.length]).toEqual([409, 2]);
    const project = await post(key, [fields(), fields({ project_id: "0".repeat(20) })]);
    expect([project.status, project.body.code]).toEqual([404, "project_not_found"]);
    expect((await call(url("/v1/qr-codes"), { key })).body.items).toHaveLength(1);
  });

  it("holds 1 to 100 codes", async () => {
    const key = await newKey();
    for (const codes of [[], Array.from({ length: 101 }, () => fields()), "x", undefined]) {
      const answer = await post(key, codes);
      expect([answer.status, answer.body.details[0].field]).toEqual([400, "qr_codes"]);
    }
  });

  it("counts as one request for each code, all or nothing", async () => {
    const { key } = await auth.newAccount(Plan.ENTERPRISE, { perMinute: 0n, perDay: 10n });
    const used = (answer: ApiAnswer) => 10 - Number(/"day";r=(\d+)/.exec(answer.headers.get("ratelimit") ?? "")?.[1]);
    const six = Array.from({ length: 6 }, () => fields());
    expect(used(await post(key, six))).toBe(6);
    const refused = await post(key, six);
    expect([refused.status, refused.body.code, used(refused)]).toEqual([429, "rate_limit_day", 6]);
    expect(used(await post(key, six.slice(0, 3)))).toBe(9);
    const broken = await call(url("/v1/qr-codes/batch"), { key, body: "{" });
    expect([broken.status, used(broken)]).toEqual([400, 10]);
    expect((await call(url("/v1/qr-codes/batch"), { key, body: "{" })).status).toBe(429);
  });

  it("two that want one slug at once: one gets it, and the other gets nothing", async () => {
    const key = await newKey();
    const slug = newSlug();
    const answers = await Promise.all([0, 1].map(() => post(key, [fields(), fields({ slug })])));
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 409]);
    expect((await call(url("/v1/qr-codes"), { key })).body.items).toHaveLength(2);
  });
});

describe("an Idempotency-Key", () => {
  const routes: [string, object][] = [
    ["/v1/qr-codes", fields()],
    ["/v1/qr-codes/batch", { qr_codes: [fields(), fields()] }],
    ["/v1/projects", { name: "Labels" }],
  ];
  const post = (key: string, path: string, body: unknown, idempotencyKey: string, index = 0) =>
    call(url(path, index), { key, body, headers: { "idempotency-key": idempotencyKey } });

  for (const [path, body] of routes) {
    it(`makes POST ${path} repeatable, at any edge`, async () => {
      const key = await newKey();
      const first = await post(key, path, body, "order-17");
      expect([first.status, first.headers.get("idempotent-replayed")]).toEqual([201, null]);
      const again = await post(key, path, body, "order-17", 1);
      expect([again.status, again.headers.get("idempotent-replayed")]).toEqual([201, "true"]);
      expect([again.body.data, again.body.items]).toEqual([first.body.data, first.body.items]);
      for (const name of ["location", "etag"]) expect(again.headers.get(name)).toBe(first.headers.get(name));
      const changed = "name" in body ? { ...body, name: "other" } : { qr_codes: [fields()] };
      const other = await post(key, path, changed, "order-17");
      expect([other.status, other.body.code]).toEqual([422, "idempotency_conflict"]);
      const elsewhere = await post(await newKey(), path, body, "order-17");
      expect([elsewhere.status, elsewhere.headers.get("idempotent-replayed")]).toEqual([201, null]);
    });
  }

  it("list the codes of a batch in its order, the last one first", async () => {
    const key = await newKey();
    const names = Array.from({ length: 40 }, (_, index) => `t${String(index).padStart(2, "0")}`);
    await call(url("/v1/qr-codes/batch"), { key, body: { qr_codes: names.map((name) => ({ ...fields(), name })) } });
    const { items } = (await call(url("/v1/qr-codes"), { key })).body;
    expect(items.map(({ name }: { name: string }) => name)).toEqual(names.toReversed());
  });

  it("makes a repeated batch cost one, also while the first still runs, and one under a key of another", async () => {
    const { key, accountId } = await auth.newAccount(Plan.ENTERPRISE, { perMinute: 0n, perDay: 1_000n });
    const body = { qr_codes: Array.from({ length: 50 }, () => fields()) };
    const used = async () => (await call(url("/v1/usage"), { key })).body.data.day.used as number;
    await post(key, "/v1/qr-codes/batch", body, "k");
    expect(await used()).toBe(51);
    expect((await post(key, "/v1/qr-codes/batch", body, "k")).headers.get("idempotent-replayed")).toBe("true");
    expect(await used()).toBe(53);
    expect((await post(key, "/v1/qr-codes/batch", { qr_codes: body.qr_codes.slice(1) }, "k")).status).toBe(422);
    expect(await used()).toBe(55);
    await sql.begin(async (tx) => {
      await tx`select pg_advisory_xact_lock(hashtextextended(${`idempotency ${accountId} running`}, 0))`;
      expect((await post(key, "/v1/qr-codes/batch", body, "running")).body.code).toBe("idempotency_in_progress");
    });
    expect(await used()).toBe(57);
  });

  it("makes no batch cost one that was not answered before, however many are sent at once", async () => {
    const { key } = await auth.newAccount(Plan.ENTERPRISE, { perMinute: 0n, perDay: 60n });
    const body = (count: number) => ({ qr_codes: Array.from({ length: count }, () => fields()) });
    expect((await post(key, "/v1/qr-codes/batch", body(20), "first")).status).toBe(201);
    const answers = await Promise.all(
      Array.from({ length: 16 }, (_, index) => post(key, "/v1/qr-codes/batch", body(50), "doubled", index)),
    );
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([429]));
    expect((await call(url("/v1/qr-codes"), { key })).body.items).toHaveLength(20);
  });

  it("does not mind in which order the body's fields stand", async () => {
    const key = await newKey();
    await post(key, "/v1/qr-codes", '{"name":"n","redirect_url":"https://example.com/"}', "k");
    const again = await post(key, "/v1/qr-codes", '{ "redirect_url": "https://example.com/", "name": "n" }', "k");
    expect(again.headers.get("idempotent-replayed")).toBe("true");
  });

  it("of 50 callers at once lets one create, and all are told of that one or to come again", async () => {
    const key = await newKey();
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, index) => post(key, "/v1/qr-codes", fields(), "once", index)),
    );
    const created = answers.filter(({ status }) => status === 201);
    const waiting = answers.filter(({ status }) => status === 409);
    expect(created.length + waiting.length).toBe(50);
    expect(new Set(created.map(({ body }) => body.data.id)).size).toBe(1);
    expect(created.filter((one) => one.headers.get("idempotent-replayed") === null)).toHaveLength(1);
    for (const one of waiting) expect(one.headers.get("retry-after")).toBe("1");
    expect((await call(url("/v1/qr-codes"), { key })).body.items).toHaveLength(1);
  });

  it("of a request that was answered gives that answer to 50 at once", async () => {
    const key = await newKey();
    const first = await post(key, "/v1/qr-codes", fields(), "k");
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, index) => post(key, "/v1/qr-codes", fields(), "k", index)),
    );
    expect(new Set(answers.map(({ status, body }) => `${status} ${body.data?.id}`))).toEqual(
      new Set([`201 ${first.body.data.id}`]),
    );
  });

  it("keeps nothing of a request that failed", async () => {
    const key = await newKey();
    expect((await post(key, "/v1/qr-codes", fields({ slug: "healthz" }), "k")).status).toBe(400);
    expect((await post(key, "/v1/qr-codes", fields(), "k")).status).toBe(201);
  });

  it("must be 1 to 255 visible ASCII characters", async () => {
    const key = await newKey();
    for (const bad of ["x".repeat(256), "a b", "é"]) {
      const answer = await post(key, "/v1/qr-codes", fields(), bad);
      expect([answer.status, answer.body.code]).toEqual([400, "invalid_request"]);
    }
    expect((await post(key, "/v1/qr-codes", fields(), "x".repeat(255))).status).toBe(201);
  });
});

describe("batches at once", () => {
  it("that want the same slugs, in any order, are created or refused", async () => {
    const key = await newKey();
    const statuses: number[] = [];
    for (let round = 0; round < 6; round++) {
      const slugs = Array.from({ length: 50 }, () => newSlug());
      const bodies = [slugs, [...slugs].reverse(), slugs].map((some) => some.map((slug) => fields({ slug })));
      const answers = await Promise.all(
        bodies.map((qr_codes, index) => call(url("/v1/qr-codes/batch", index), { key, body: { qr_codes } })),
      );
      statuses.push(...answers.map(({ status }) => status).sort());
    }
    expect(statuses).toEqual(Array(6).fill([201, 409, 409]).flat());
  });
});

describe("an archived code", () => {
  it("is not edited, unless it is restored with the edit", async () => {
    const key = await newKey();
    const { id } = (await call(url("/v1/qr-codes"), { key, body: fields() })).body.data;
    const patch = (body: object) => call(url(`/v1/qr-codes/${id}`), { key, method: "PATCH", body });
    await patch({ status: "archived" });
    for (const body of [{ name: "x" }, { redirect_url: "https://example.org/" }, { style: { caption: "x" } }]) {
      const refused = await patch(body);
      expect([refused.status, refused.body.code]).toEqual([409, "resource_archived"]);
    }
    expect((await patch({ status: "archived" })).status).toBe(200);
    expect((await patch({ status: "active", name: "x" })).body.data).toMatchObject({ status: "active", name: "x" });
  });
});

describe("paths beside", () => {
  it("the names of codes are not codes", async () => {
    const key = await newKey();
    const answer = await call(url("/v1/qr-codes/batch"), { key });
    expect([answer.status, answer.headers.get("allow")]).toEqual([405, "POST"]);
  });
});

describe("edits at once", () => {
  it("with one If-Match: one is made, the others are refused with 412", async () => {
    const key = await newKey();
    const code = await call(url("/v1/qr-codes"), { key, body: fields() });
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, index) =>
        call(url(`/v1/qr-codes/${code.body.data.id}`, index), {
          key,
          method: "PATCH",
          body: { name: `edit ${index}`, style: { foreground: `#00000${index}` } },
          headers: { "if-match": code.headers.get("etag") as string },
        }),
      ),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([200, ...Array(9).fill(412)]);
  });

  it("of different parts of a style are all kept", async () => {
    const key = await newKey();
    const { id } = (await call(url("/v1/qr-codes"), { key, body: fields() })).body.data;
    const parts = [{ foreground: "#112233" }, { module_shape: "dot" }, { finder_shape: "circle" }, { caption: "Hi" }];
    await Promise.all(
      parts.map((style, index) => call(url(`/v1/qr-codes/${id}`, index), { key, method: "PATCH", body: { style } })),
    );
    expect((await call(url(`/v1/qr-codes/${id}`), { key })).body.data.style).toMatchObject(Object.assign({}, ...parts));
  });
});

describe("a list", () => {
  it("shows every code that was there once while others are added", async () => {
    const key = await newKey();
    const post = (count: number) =>
      call(url("/v1/qr-codes/batch"), { key, body: { qr_codes: Array.from({ length: count }, () => fields()) } });
    const before = (await post(25)).body.items.map(({ id }: { id: string }) => id);
    const seen: string[] = [];
    let token: string | null = "";
    while (token !== null) {
      const page: ApiAnswer = await call(url(`/v1/qr-codes?page_size=4${token && `&next_page_token=${token}`}`), {
        key,
      });
      seen.push(...page.body.items.map(({ id }: { id: string }) => id));
      token = page.body.next_page_token;
      await post(3);
    }
    expect(new Set(seen).size).toBe(seen.length);
    expect(before.filter((id: string) => !seen.includes(id))).toEqual([]);
  });
});

describe("the number of active codes that a plan allows", () => {
  const code = { name: "n", redirectUrl: "https://example.com/" };
  const { ACTIVE, ARCHIVED } = QrCodeStatus;

  /** An account with a bound, as the edge names it to qr. */
  function bounded(max: number) {
    const account = { accountId: newId(), activeCodesMax: BigInt(max) };
    const reasonOf = (error: unknown) => (error instanceof ServiceError ? error.reason : error);
    return {
      accountId: account.accountId,
      create: (count: number, idempotency?: { key: string; requestHash: Uint8Array }) =>
        qrCodes.client
          .batchCreateQrCodes({ ...account, qrCodes: Array.from({ length: count }, () => code), idempotency }, wait)
          .then((made) => made.qrCodes.map(({ qrCodeId }) => qrCodeId), reasonOf),
      change: (qrCodeId: string, status: QrCodeStatus) =>
        qrCodes.client.updateQrCode({ ...account, qrCodeId, status }, wait).then(() => "done", reasonOf),
      /** The number that qr keeps, and that of the rows. */
      async counts() {
        const { count } = await qrCodes.client.countActiveQrCodes(account, wait);
        const [{ rows }] = await sql<[{ rows: string }]>`
          select count(*) as rows from qr.codes where account_id = ${account.accountId} and status = 'active'`;
        return [Number(count), Number(rows)];
      },
    };
  }

  it("is never exceeded, by creating one or many, all or none, whoever comes at the same time", async () => {
    const { create, counts } = bounded(10);
    const sizes = Array.from({ length: 12 }, (_, index) => 1 + (index % 4));
    const made = await Promise.all(sizes.map((size) => create(size)));
    const created = made.flatMap((answer) => (Array.isArray(answer) ? answer.length : 0));
    const refused = made.filter((answer) => !Array.isArray(answer));
    const sum = created.reduce((total, size) => total + size, 0);
    expect(new Set(refused)).toEqual(new Set(["CODE_LIMIT_REACHED"]));
    expect(await counts()).toEqual([sum, sum]);
    // What is left is less than the smallest batch that was refused.
    const left = 10 - sum;
    expect(await create(left + 1)).toBe("CODE_LIMIT_REACHED");
    if (left > 0) await create(left);
    expect(await counts()).toEqual([10, 10]);
  });

  it("has room again for a code that is archived, and for none that is restored beyond it", async () => {
    const { create, change, counts } = bounded(3);
    const [first, second] = (await create(3)) as string[];
    for (let times = 0; times < 2; times++) expect(await change(first as string, ARCHIVED)).toBe("done");
    expect(await counts()).toEqual([2, 2]);
    const answers = await Promise.all([change(first as string, ACTIVE), create(1), create(1), create(1)]);
    expect(answers.filter((answer) => answer === "CODE_LIMIT_REACHED")).toHaveLength(3);
    expect(await counts()).toEqual([3, 3]);
    expect(await change(second as string, ACTIVE)).toBe("done");
    expect(await counts()).toEqual([3, 3]);
  });

  it("counts a repeated request once, and answers it also when the bound is reached since", async () => {
    const { create, counts } = bounded(2);
    const once = { key: newId(), requestHash: new Uint8Array(32) };
    const made = await create(2, once);
    expect(await create(2, once)).toEqual(made);
    expect(await create(1, { ...once, key: newId() })).toBe("CODE_LIMIT_REACHED");
    expect(await counts()).toEqual([2, 2]);
  });

  it("is right again after others changed codes and not the number, while codes are created", async () => {
    const { accountId, create, counts } = bounded(0);
    const bystander = bounded(0);
    await bystander.create(2);
    const [first = ""] = (await create(3)) as string[];
    // What replicas of a version without the number do until an upgrade has ended.
    await sql`update qr.codes set status = 'archived' where code_id = ${first}`;
    const pool = openTestPool(databaseUrl);
    const store = createCodeCountStore(pool);
    const correctAll = async () => {
      let after: string | undefined = "";
      while (after !== undefined) after = (await store.correct(after)).next;
    };
    await Promise.all([correctAll(), create(2), create(2)]);
    expect(await counts()).toEqual([6, 6]);
    expect(await bystander.counts()).toEqual([2, 2]);
    await sql`delete from qr.code_counts where account_id = ${accountId}`;
    await correctAll();
    expect(await counts()).toEqual([6, 6]);
    await pool.end();
  });

  it("is that of the plan at the next request, over the API and over the dashboard, which says where it stands", async () => {
    const { accountId, key } = await auth.newAccount(Plan.FREE);
    await addCodes(sql, accountId, 998);
    const post = (count: number) =>
      call(url("/v1/qr-codes/batch"), { key, body: { qr_codes: Array.from({ length: count }, () => fields()) } });
    const refused = await post(3);
    expect([refused.status, refused.body.code]).toEqual([409, "code_limit_reached"]);
    expect(refused.body.message).toContain("allows 1,000 active codes, and the account has 998");
    expect((await post(2)).status).toBe(201);
    expect((await call(url("/v1/qr-codes", 1), { key, body: fields() })).body.code).toBe("code_limit_reached");

    const { token } = await sessions.client.createSignInLink({ accountId }, wait);
    const signedIn = await call(url("/dashboard/api/session/link"), { body: { token } });
    const cookie = (signedIn.headers.get("set-cookie") ?? "").split(";")[0] as string;
    const headers = { cookie, "x-csrf-token": signedIn.body.data.csrf_token };
    const dashboard = (path: string, body?: unknown) => call(url(`/dashboard/api/${path}`), { headers, body });
    expect((await dashboard("code-count")).body.data).toEqual({ active: 1_000, max: 1_000 });
    expect((await dashboard("v1/qr-codes", fields())).body.code).toBe("code_limit_reached");

    await auth.accounts.setAccountPlan({ accountId, plan: Plan.PRO }, wait);
    expect((await post(1)).status).toBe(201);
    expect((await dashboard("v1/qr-codes", fields())).status).toBe(201);
    expect((await dashboard("code-count")).body.data).toEqual({ active: 1_002, max: 50_000 });
  });
});
