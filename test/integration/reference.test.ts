import { readFileSync } from "node:fs";
import path from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import { afterAll, describe, expect, inject, it } from "vitest";
import { Plan } from "../../gen/qrforge/auth/v1/account_pb.ts";
import { catalogue, type Reason } from "../../platform/errors.ts";
import { routes } from "../../services/edge/api/routes/index.ts";
import { failuresOf } from "../../services/edge/reference/openapi.ts";
import { call, openAuth } from "../support/api.ts";
import { root } from "../support/run.ts";

const { edges, auths } = inject("cluster");
const edge = edges[0] as string;
const auth = openAuth(auths);
afterAll(() => auth.close());

const described = (await call(`${edge}/openapi.json`)).body;
const ajv = new Ajv2020({ strict: false, allErrors: true });
(addFormats as unknown as typeof addFormats.default)(ajv);
ajv.addSchema(described, "api");
const pathOf = (route: { path: string }) => route.path.replace(/:(\w+)/g, "{$1}");
const pointer = (...parts: string[]) =>
  parts.map((part) => `/${encodeURIComponent(part.replaceAll("~", "~0").replaceAll("/", "~1"))}`).join("");

describe("openapi.json", () => {
  it("describes exactly the operations of the route table", () => {
    const listed = Object.entries(described.paths as Record<string, object>).flatMap(([at, methods]) =>
      Object.entries(methods).map(([method, { operationId }]) => `${method.toUpperCase()} ${at} ${operationId}`),
    );
    expect(listed.sort()).toEqual(routes.map((route) => `${route.method} ${pathOf(route)} ${route.operation}`).sort());
  });

  it("has examples that can be made as they stand, and answers as it says", async () => {
    const { key } = await auth.newAccount(Plan.ENTERPRISE);
    const last: Record<string, string> = {};
    // What creates comes first, so that there is something to read.
    const order = [...routes].sort((a, b) => Number(b.method === "POST") - Number(a.method === "POST"));
    for (const route of order) {
      const { example, status, data } = route.reference;
      const kind = route.path.split("/")[2] as string;
      const url = `${edge}${route.path.replace(":id", last[kind] ?? "")}${example.query ? `?${example.query}` : ""}`;
      const answer = await call(url, { key, method: route.method, ...(example.body ? { body: example.body } : {}) });
      expect([route.operation, answer.status, answer.text.slice(0, 200)]).toEqual([
        route.operation,
        status,
        expect.anything(),
      ]);
      const at = ["paths", pathOf(route), route.method.toLowerCase()];
      const listed = Object.keys(described.paths[pathOf(route)][at[2] as string].responses[status].headers);
      const names = listed.map((name) => name.toLowerCase());
      const own = ["location", "etag", "ratelimit", "ratelimit-policy", "x-request-id", "idempotent-replayed"];
      for (const name of own) if (answer.headers.has(name)) expect(names, route.operation).toContain(name);
      if (data === "file") {
        const types = Object.keys(described.paths[pathOf(route)].get.responses[200].content);
        expect(types).toContain(answer.headers.get("content-type"));
        continue;
      }
      const schema = pointer(...at, "responses", String(status), "content", "application/json", "schema");
      const isValid = ajv.getSchema(`api#${schema}`);
      expect(isValid?.(answer.body), JSON.stringify(isValid?.errors)).toBe(true);
      if (example.body) {
        const body = ajv.getSchema(`api#${pointer(...at, "requestBody", "content", "application/json", "schema")}`);
        expect(body?.(example.body), JSON.stringify(body?.errors)).toBe(true);
      }
      if (route.method === "POST") last[kind] = (answer.body.data ?? answer.body.items[0]).id;
    }
  });

  it("has the shape of every refusal", async () => {
    const isValid = ajv.getSchema("api#/components/schemas/Error");
    const { key } = await auth.newAccount();
    for (const answer of [
      await call(`${edge}/v1/usage`),
      await call(`${edge}/v1/qr-codes`, { key, body: {} }),
      await call(`${edge}/v1/nope`, { key }),
    ]) {
      expect(isValid?.(answer.body), JSON.stringify(isValid?.errors)).toBe(true);
    }
  });

  it("names only codes that docs/errors.md has, and all those that it has for keys are named or made by the edge itself", () => {
    const documented = new Set(
      [...readFileSync(path.join(root, "docs/errors.md"), "utf8").matchAll(/^\| \d+\s*\| `(\w+)`/gm)].map(
        ([, code]) => code,
      ),
    );
    const named = new Set<Reason>(routes.flatMap(failuresOf));
    for (const reason of named) expect(documented).toContain(reason.toLowerCase());
    // Of paths and methods that the table does not have, and of operators.
    const elsewhere: Reason[] = ["METHOD_NOT_ALLOWED", "KEY_LIMIT_REACHED", "SIGN_IN_LIMITED", "KEY_NOT_ACTIVE"];
    expect([...named, ...elsewhere].sort()).toEqual((Object.keys(catalogue) as Reason[]).sort());
  });
});

describe("/docs", () => {
  it("shows every operation and loads nothing from elsewhere", async () => {
    const page = await call(`${edge}/docs`);
    expect(page.headers.get("content-type")).toBe("text/html; charset=utf-8");
    for (const { operation } of routes) expect(page.text).toContain(`id="${operation}"`);
    const loaded = [...page.text.matchAll(/(?:src|href)="([^"#]+)"/g)].map(([, url]) => url);
    expect(loaded.sort()).toEqual(["/docs/search.js", "/openapi.json"]);
    expect(page.headers.get("content-security-policy")).toContain("script-src 'self'");
    const script = await call(`${edge}/docs/search.js`);
    expect(script.headers.get("content-type")).toBe("text/javascript; charset=utf-8");
  });
});
