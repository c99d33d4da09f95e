import type { Attack } from "../attack.ts";
import { hold, holdStatuses } from "../hold.ts";

/** Attacks through a person's browser: other sites' pages, scripts, headers, paths. */
export const browserAttacks: Attack[] = [
  {
    kind: "browser",
    name: "a page of another site that signs in, signs up or acts",
    promise: "Each request is rejected, also before its body is there.",
    async run(target) {
      const paths = ["session", "sign-up", "session/link", "password", "keys", "preview"];
      const statuses: number[] = [];
      for (const path of paths) {
        // An old browser sends no sec-fetch-site; without asking first, it sends no JSON either.
        const old = { origin: "https://attacker.example", "content-type": "text/plain" };
        for (const headers of [{ "sec-fetch-site": "cross-site" }, old]) {
          statuses.push((await target.call(`/dashboard/api/${path}`, { body: "{}", headers })).status);
        }
      }
      return holdStatuses(statuses, [401, 403, 415]);
    },
  },
  {
    kind: "browser",
    name: "a page of another site that reads the API",
    promise: "No answer names it as allowed.",
    async run(target) {
      const headers = { origin: "https://attacker.example", "access-control-request-method": "GET" };
      const paths = ["/v1/usage", "/dashboard/api/session", `/${target.victim.slug}`, "/leaked-keys"];
      for (const path of paths) {
        for (const method of ["GET", "OPTIONS"]) {
          const answer = await target.call(path, { method, headers, key: target.attacker.key });
          const allowed = answer.headers.get("access-control-allow-origin");
          hold(allowed === null, `${method} ${path} allows ${allowed}`);
        }
      }
      return `${paths.length * 2} answers without it`;
    },
  },
  {
    kind: "browser",
    name: "script, header breaks and foreign schemes as the target of a code",
    promise: "Each is rejected with 400.",
    async run(target) {
      const urls = [
        ...["javascript:alert(1)", "JaVaScRiPt:alert(1)", "data:text/html,x", "vbscript:x", "file:///etc/passwd"],
        ...["//example.com", "/path", "https://user:secret@example.com/", "https://", "http://[::1", "https:\\\\x"],
        ...["https://example.com/\r\nset-cookie: a=b", "https://example.com/\u0000", " https://example.com/\n"],
      ];
      const statuses: number[] = [];
      for (const redirect_url of urls) {
        const { key } = target.attacker;
        statuses.push((await target.call("/v1/qr-codes", { key, body: { name: "n", redirect_url } })).status);
      }
      return holdStatuses(statuses, [400]);
    },
  },
  {
    kind: "browser",
    name: "markup in the path of a scan",
    promise: "The page shows none of it as markup, and forbids scripts.",
    async run(target) {
      const paths = ["/%3Cscript%3Ealert(1)%3C%2Fscript%3E", "/%22onload=alert(1)", "/x?%3Cscript%3E"];
      for (const path of paths) {
        const answer = await target.call(path);
        hold(answer.status === 404, `${path}: ${answer.status}`);
        hold(!answer.text.includes("<script>alert"), `${path} is in the page`);
        hold(answer.headers.get("content-security-policy")?.includes("default-src 'none'") === true, `${path}: no CSP`);
      }
      return `${paths.length} pages without it`;
    },
  },
  {
    kind: "browser",
    name: "paths that lead out of the dashboard's folder",
    promise: "No file from outside is served.",
    async run(target) {
      const paths = [
        ..."/dashboard/../../../../etc/passwd /dashboard/%2e%2e/%2e%2e/%2e%2e/etc/passwd /..%2f..%2f..%2fetc/passwd".split(
          " ",
        ),
        ..."/dashboard/assets/..%2f..%2f..%2fpackage.json /assets/%2e%2e%2f%2e%2e%2fpackage.json /%5c..%5c..%5cpackage.json".split(
          " ",
        ),
      ];
      for (const path of paths) {
        const answer = await target.converse(`GET ${path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`);
        hold(answer !== "", `${path}: no answer`);
        hold(!/root:.*:0:0|"devDependencies"/.test(answer), `${path} serves a file from outside`);
      }
      return `${paths.length} tried`;
    },
  },
  {
    kind: "browser",
    name: "the dashboard in a frame, guessed types, cached secrets",
    promise: "Headers forbid all three.",
    async run(target) {
      const page = await target.call("/dashboard/");
      const csp = page.headers.get("content-security-policy") ?? "";
      hold(csp.includes("frame-ancestors 'none'"), `content-security-policy is ${csp || "absent"}`);
      for (const path of ["/dashboard/api/session", "/dashboard/api/nope", "/v1/usage", "/v1/nope"]) {
        const { headers } = await target.call(path);
        hold(headers.get("x-content-type-options") === "nosniff", `${path}: no nosniff`);
        hold(/private|no-store/.test(headers.get("cache-control") ?? ""), `${path}: ${headers.get("cache-control")}`);
      }
      return "all three";
    },
  },
];
