import postgres from "postgres";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { formatApiKey } from "../../contracts/api-key.ts";
import { Plan } from "../../gen/qrforge/auth/v1/account_pb.ts";
import { catalogue, type Reason } from "../../platform/errors.ts";
import { randomBase62 } from "../../platform/ids.ts";
import type { Route } from "../../services/edge/api/route.ts";
import { routes } from "../../services/edge/api/routes/index.ts";
import { failuresOf } from "../../services/edge/reference/openapi.ts";
import { addCodes } from "../support/add-codes.ts";
import { type ApiAnswer, type CallOptions, call, openAuth, wait } from "../support/api.ts";

const { edges, auths, databaseUrl } = inject("cluster");
const edge = edges[0] as string;
const auth = openAuth(auths);
const sql = postgres(databaseUrl, { max: 1 });
afterAll(async () => {
  auth.close();
  await sql.end();
});

interface World {
  key: string;
  code: string;
  archived: string;
  project: string;
  takenSlug: string;
}
let world: World;

beforeAll(async () => {
  const { key } = await auth.newAccount(Plan.ENTERPRISE);
  const post = async (path: string, body: object) => (await call(`${edge}${path}`, { key, body })).body.data;
  const code = await post("/v1/qr-codes", { name: "n", redirect_url: "https://example.com/" });
  const archived = await post("/v1/qr-codes", { name: "n", redirect_url: "https://example.com/" });
  await call(`${edge}/v1/qr-codes/${archived.id}`, { key, method: "PATCH", body: { status: "archived" } });
  const project = await post("/v1/projects", { name: "n" });
  world = { key, code: code.id, archived: archived.id, project: project.id, takenSlug: code.slug };
});

/** A request of a route that succeeds, but for what is changed. */
function ask(route: Route, changes: CallOptions & { id?: string; query?: string } = {}): Promise<ApiAnswer> {
  const { id, query, ...options } = changes;
  const own = route.path.startsWith("/v1/projects") ? world.project : world.code;
  const asked = query ?? route.reference.example.query;
  const url = `${edge}${route.path.replace(":id", id ?? own)}${asked ? `?${asked}` : ""}`;
  const { body } = route.reference.example;
  return call(url, { key: world.key, method: route.method, ...(body !== undefined && { body }), ...options });
}

const unknownKey = () => {
  return formatApiKey(randomBase62(26));
};
const missingId = "0".repeat(20);
const isBatch = ({ operation }: Route) => operation === "batchCreateQrCodes";
/** The body of a route's example with a field of the code (or of the first code) changed. */
function withField(route: Route, field: string, value: unknown): object {
  const body = route.reference.example.body as Record<string, unknown>;
  if (!isBatch(route)) return { ...body, [field]: value };
  const [first, ...rest] = (body as { qr_codes: object[] }).qr_codes;
  return { qr_codes: [{ ...first, [field]: value }, ...rest] };
}

/** How each reason is brought about, for any route that may fail for it. */
const causes: Partial<Record<Reason, (route: Route) => Promise<ApiAnswer>>> = {
  INVALID_REQUEST: (route) => ask(route, { query: "nonsense=1" }),
  UNAUTHORIZED: (route) => ask(route, { key: unknownKey() }),
  async API_KEY_INACTIVE(route) {
    const { key, keyId } = await auth.newAccount(Plan.ENTERPRISE);
    await auth.keys.revokeKey({ keyId }, wait);
    return await ask(route, { key });
  },
  RATE_LIMIT_MINUTE: async (route) => (await spend(route, { perMinute: 1n, perDay: 0n })).at(-1) as ApiAnswer,
  RATE_LIMIT_DAY: async (route) => (await spend(route, { perMinute: 0n, perDay: 1n })).at(-1) as ApiAnswer,
  PAYLOAD_TOO_LARGE: (route) => ask(route, { body: { name: "x".repeat(route.takesPicture ? 2_000_000 : 70_000) } }),
  UNSUPPORTED_MEDIA_TYPE: (route) => ask(route, { body: "a=b", headers: { "content-type": "text/plain" } }),
  INVALID_PAYLOAD: (route) =>
    route.operation === "getQrCodeImage" ? unreadable(route) : ask(route, { body: withField(route, "name", 7) }),
  NOT_FOUND: (route) => ask(route, { id: missingId }),
  PROJECT_NOT_FOUND: (route) =>
    route.body
      ? ask(route, { body: withField(route, "project_id", missingId) })
      : ask(route, { query: `project_id=${missingId}` }),
  CONFLICT: (route) => ask(route, { body: withField(route, "slug", world.takenSlug) }),
  async IDEMPOTENCY_CONFLICT(route) {
    const headers = { "idempotency-key": randomBase62(10) };
    await ask(route, { headers });
    const other = Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><path d="M0 0h9v9z"/></svg>');
    const body = route.takesPicture
      ? { logo: `data:image/svg+xml;base64,${other.toString("base64")}` }
      : withField(route, "name", "other");
    return await ask(route, { headers, body });
  },
  async FORBIDDEN(route) {
    const { key } = await auth.newAccount();
    const body = { name: "n", redirect_url: "https://example.com/" };
    const { id } = (await call(`${edge}/v1/qr-codes`, { key, body })).body.data;
    await auth.takedowns.takeDownQrCodes({ idsOrSlugs: [id] }, wait);
    return await ask(route, { key, id });
  },
  async IDEMPOTENCY_IN_PROGRESS(route) {
    const { accountId, key } = await auth.newAccount(Plan.ENTERPRISE);
    const idempotencyKey = randomBase62(10);
    // Holds the key as a request of that account does while it runs.
    return await sql.begin(async (tx) => {
      await tx`select pg_advisory_xact_lock(hashtextextended(${`idempotency ${accountId} ${idempotencyKey}`}, 0))`;
      return await ask(route, { key, headers: { "idempotency-key": idempotencyKey } });
    });
  },
  RESOURCE_ARCHIVED: (route) => ask(route, { id: world.archived }),
  async CODE_LIMIT_REACHED(route) {
    const { accountId, key } = await auth.newAccount(Plan.FREE);
    const body = { name: "n", redirect_url: "https://example.com/" };
    const { id } = (await call(`${edge}/v1/qr-codes`, { key, body })).body.data;
    await call(`${edge}/v1/qr-codes/${id}`, { key, method: "PATCH", body: { status: "archived" } });
    await addCodes(sql, accountId, 1_000);
    return await ask(route, { key, id, ...(route.method === "PATCH" && { body: { status: "active" } }) });
  },
  PRECONDITION_FAILED: (route) => ask(route, { headers: { "if-match": '"0.0"' } }),
};
/** Reasons that need a service away or a bug. */
const elsewhere: Partial<Record<Reason, string>> = {
  UNAVAILABLE: "test/fault/quota-policy.test.ts, test/fault/overload.test.ts",
  DEADLINE_EXCEEDED: "test/fault/quota-policy.test.ts",
  INTERNAL_ERROR: "nothing that a client can send, see test/integration/fuzz.test.ts",
};

/** Two requests of an account that may make one, again if the minute changed between them. */
async function spend(route: Route, limits: { perMinute: bigint; perDay: bigint }): Promise<ApiAnswer[]> {
  for (let attempt = 0; ; attempt++) {
    const { key } = await auth.newAccount(Plan.ENTERPRISE, limits);
    const answers = [await call(`${edge}/v1/usage`, { key }), await ask(route, { key })];
    if (answers[1]?.status === 429 || attempt === 2) return answers;
  }
}

/** A symbol that is too dense for its address at the highest error correction. */
async function unreadable(route: Route): Promise<ApiAnswer> {
  const slug = `${randomBase62(20).toLowerCase()}${"a".repeat(44)}`;
  const body = { name: "n", redirect_url: "https://example.com/", slug, style: { caption: "W".repeat(40) } };
  const { data } = (await call(`${edge}/v1/qr-codes`, { key: world.key, body })).body;
  return await ask(route, { id: data.id, query: "ecc=H&margin=0" });
}

describe("every route", () => {
  it("is tested for every reason that it may fail for", () => {
    const reasons = new Set(routes.flatMap(failuresOf));
    const covered = [...Object.keys(causes), ...Object.keys(elsewhere)];
    expect([...reasons].sort()).toEqual(covered.sort());
  });

  for (const route of routes) {
    describe(`${route.method} ${route.path}`, () => {
      it(`answers ${route.reference.status}`, async () => {
        expect((await ask(route)).status).toBe(route.reference.status);
      });

      for (const reason of failuresOf(route).filter((one) => one in causes)) {
        const { http } = catalogue[reason];
        it(`answers ${http} ${reason.toLowerCase()}`, async () => {
          const answer = await (causes[reason] as (route: Route) => Promise<ApiAnswer>)(route);
          expect([answer.status, answer.body?.code], answer.text).toEqual([http, reason.toLowerCase()]);
          expect(answer.body).toMatchObject({ ok: false, version: "2025-11-14-v1", message: expect.any(String) });
          expect(answer.body.request_id).toBe(answer.headers.get("x-request-id"));
          expect(answer.headers.get("www-authenticate")).toBe(http === 401 ? 'ApiKey realm="qrforge"' : null);
          if (http === 429) expect(Number(answer.headers.get("retry-after"))).toBeGreaterThan(0);
        });
      }

      it("answers 405 to other methods, with those that it takes", async () => {
        for (const method of ["PUT", "DELETE"]) {
          const answer = await ask(route, { method });
          expect([answer.status, answer.body.code]).toEqual([405, "method_not_allowed"]);
          expect(answer.headers.get("allow")?.split(", ")).toContain(route.method);
        }
      });
    });
  }
});
