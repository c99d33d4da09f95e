import { type Agent, request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import { routes } from "../../services/edge/api/routes/index.ts";

type Random = () => number;
const pick = <T>(random: Random, from: readonly T[]): T => from[Math.floor(random() * from.length)] as T;
const chance = (random: Random, share: number) => random() < share;

const oddTexts = [
  ...[
    "",
    " ",
    "0",
    "-1",
    "1e999",
    "null",
    "true",
    "NaN",
    "../..",
    "%00",
    "%zz",
    "%2e%2e%2f",
    "'; drop table codes; --",
  ],
  ...[
    "<script>alert(1)</script>",
    "\u0000",
    "\ud800",
    "😀",
    "a".repeat(300),
    "x".repeat(5_000),
    "$(id)",
    "{{7*7}}",
    "é",
  ],
  ...[
    "http://[::1",
    "https://user@host/",
    "javascript:alert(1)",
    "data:text/html,x",
    "//host",
    "2026-02-30",
    "9".repeat(400),
  ],
];
const fieldNames = [
  ...["name", "redirect_url", "slug", "project_id", "style", "status", "type", "description", "qr_codes", "foreground"],
  ...[
    "logo",
    "logo_size",
    "caption",
    "module_shape",
    "page_size",
    "next_page_token",
    "from",
    "to",
    "by",
    "interval",
    "size",
    "format",
  ],
  ...["ecc", "margin", "__proto__", "constructor", "toString", "id", "", "a.b", "$where"],
];

function value(random: Random, depth = 0): unknown {
  const kind = random();
  if (kind < 0.3) return pick(random, oddTexts);
  if (kind < 0.45) return pick(random, [0, -1, 1.5, 20, 1e308, 2 ** 53, Number.MIN_VALUE]);
  if (kind < 0.55) return pick(random, [true, false, null]);
  if (kind < 0.7)
    return pick(random, ["https://example.com/", "Menu", "#112233", "dot", "active", "all", "png", "device"]);
  if (depth > 3) return "deep";
  if (kind < 0.85) return Array.from({ length: Math.floor(random() * 4) }, () => value(random, depth + 1));
  return object(random, depth + 1);
}
function object(random: Random, depth = 0): Record<string, unknown> {
  const made = Object.create(null) as Record<string, unknown>;
  for (let index = Math.floor(random() * 5); index > 0; index--) made[pick(random, fieldNames)] = value(random, depth);
  return made;
}

export interface Generated {
  method: string;
  path: string;
  headers: Record<string, string>;
  body: string | undefined;
}

/** Makes a request to a route of the API, valid or broken in one way or several; the same numbers make the same request. */
export function generate(random: Random, keys: string[], ids: string[]): Generated {
  const route = pick(random, routes);
  const id = () =>
    chance(random, 0.6) ? pick(random, ids) : encodeURIComponent(wellFormed(pick(random, oddTexts))) || "x";
  let path = route.path.replace(":id", id());
  if (chance(random, 0.1))
    path = pick(random, [
      "/",
      "/v1",
      "/v1/",
      "//v1/usage",
      "/docs",
      "/readyz",
      `/${id()}`,
      "/v1/%ff",
      "/*",
      "/v1/api-keys",
    ]);
  if (chance(random, 0.4)) {
    const query = Array.from({ length: 1 + Math.floor(random() * 3) }, () => {
      const text = String(pick(random, [...oddTexts, "10", "all", "png", "2026-01-01"]));
      return `${encodeURIComponent(pick(random, fieldNames))}=${encodeURIComponent(wellFormed(text))}`;
    });
    path += `?${query.join("&")}`;
  }
  const method = chance(random, 0.8)
    ? route.method
    : pick(random, ["PUT", "DELETE", "OPTIONS", "HEAD", "TRACE", "PURGE", "GET", "POST"]);
  const headers: Record<string, string> = {};
  if (chance(random, 0.9))
    headers["x-api-key"] = chance(random, 0.9) ? pick(random, keys) : pick(random, ["x", "api_live_", "a".repeat(50)]);
  for (const name of [
    "if-match",
    "if-none-match",
    "idempotency-key",
    "accept",
    "x-request-id",
    "content-encoding",
    "traceparent",
    "range",
  ]) {
    if (chance(random, 0.08))
      headers[name] = pick(random, ["*", '"1.0"', 'W/"1"', "x", ",,,", "gzip", "image/png;q=x", '"', "00-00-00-00"]);
  }
  let body: string | undefined;
  if (chance(random, method === "GET" ? 0.05 : 0.9)) {
    const example = route.reference.example.body as Record<string, unknown> | undefined;
    const made =
      chance(random, 0.5) && example ? { ...example, ...(chance(random, 0.5) ? object(random) : {}) } : value(random);
    body = JSON.stringify(made) ?? "";
    if (chance(random, 0.15)) body = body.slice(0, Math.floor(random() * body.length));
    headers["content-type"] = chance(random, 0.9)
      ? "application/json"
      : pick(random, ["text/plain", "application/json; charset=latin1", ""]);
  }
  // Node's client would send the body of a GET without saying how long it is.
  if (body !== undefined) headers["content-length"] = String(Buffer.byteLength(body));
  return { method, path, headers, body };
}
const wellFormed = (text: string) => text.toWellFormed();

/** Sends a request; returns its status, 0 if the client refuses to send it, or the message of an error. */
export function send(agent: Agent, base: string, { method, path, headers, body }: Generated): Promise<number | string> {
  const request = base.startsWith("https:") ? requestHttps : requestHttp;
  return new Promise((resolve) => {
    try {
      const sent = request(`${base}/`, { method, path, headers, agent, timeout: 20_000 }, (response) => {
        response.resume();
        response.once("end", () => resolve(response.statusCode ?? 0));
        response.once("error", (error) => resolve(error.message));
      });
      sent.once("timeout", () => sent.destroy(new Error("no answer within 20 s")));
      sent.once("error", (error) => resolve(error.message));
      sent.end(body);
    } catch {
      // Node's own client will not send it.
      resolve(0);
    }
  });
}
