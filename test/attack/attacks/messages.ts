import { Agent as HttpAgent } from "node:http";
import { Agent as HttpsAgent } from "node:https";
import { gzipSync } from "node:zlib";
import { seeded } from "../../../dev/seed/random.ts";
import { ambiguousRequests } from "../../cases/requests/ambiguous.ts";
import { generate, send } from "../../support/fuzz.ts";
import type { Attack } from "../attack.ts";
import { hold, holdStatuses } from "../hold.ts";
import { statusesIn } from "../target.ts";

const rpcPath = "/qrforge.api.v1.ApiService/GetUsage";
const openRoutes = ["/dashboard/api/session", "/dashboard/api/sign-up", "/leaked-keys"];

/** Attacks by what a message holds: ambiguous, malformed, too large, or made at random. */
export const messageAttacks: Attack[] = [
  {
    kind: "messages",
    name: "requests that two readers could understand differently",
    promise: "Each is rejected with 400, and nothing behind it is served.",
    async run(target) {
      for (const [name, bytes] of ambiguousRequests) {
        const answer = await target.converse(bytes);
        hold(statusesIn(answer).join() === "400", `${name}: answered ${statusesIn(answer).join() || "nothing"}`);
      }
      return `${ambiguousRequests.length} rejected`;
    },
  },
  {
    kind: "messages",
    name: "random requests to all routes",
    promise: "None is answered with a 5xx, and none without an answer.",
    async run(target) {
      const { victim, attacker } = target;
      const Agent = target.edge.startsWith("https:") ? HttpsAgent : HttpAgent;
      const agent = new Agent({ keepAlive: true, maxSockets: 16 });
      const ids = [victim.codeId, attacker.codeId, attacker.slug, attacker.projectId, "0".repeat(20)];
      const count = target.scaled(5_000);
      const failures: string[] = [];
      let [next, answered] = [0, 0];
      const work = async () => {
        while (next < count) {
          const request = generate(seeded(next++), [attacker.key], ids);
          const status = await send(agent, target.edge, request);
          if (typeof status === "number" && status > 0) answered++;
          // 503 and 504 say that drawing is busy, which these requests make it.
          const isBusy = request.path.includes("/image") && (status === 503 || status === 504);
          if (!isBusy && (typeof status === "string" || status >= 500)) {
            failures.push(`${request.method} ${request.path}: ${status}`);
          }
        }
      };
      await Promise.all(Array.from({ length: 16 }, work));
      agent.destroy();
      hold(failures.length === 0, `${failures.length} failed, the first: ${failures[0]}`);
      // The client itself refuses to send a few.
      hold(answered > count * 0.8, `only ${answered} of ${count} were answered`);
      return `${answered} answered`;
    },
  },
  {
    kind: "messages",
    name: "bodies over 64 KiB to routes without a key",
    promise: "Each is rejected with 413.",
    async run(target) {
      const body = `[${'{"a":1},'.repeat(50_000)}{}]`;
      const answers = await Promise.all(openRoutes.map((path) => target.call(path, { body })));
      return holdStatuses(
        answers.map(({ status }) => status),
        [413],
      );
    },
  },
  {
    kind: "messages",
    name: "bodies that cost a reader more than their size",
    promise: "Each is rejected: nesting, repeated names, prototypes, numbers without end, compression.",
    async run(target) {
      const { key } = target.attacker;
      const json = [
        `${"[".repeat(30_000)}${"]".repeat(30_000)}`,
        `{${'"a":1,'.repeat(9_000)}"a":1}`,
        '{"__proto__":{"admin":true},"name":"n"}',
        '{"constructor":{"prototype":{"admin":true}},"name":"n"}',
        `{"name":${"9".repeat(60_000)}}`,
        `{"name":"${"\\u0000".repeat(10_000)}"}`,
      ];
      const answers = await Promise.all(json.map((body) => target.call("/v1/qr-codes", { key, body })));
      const bomb = await fetch(`${target.edge}/v1/qr-codes`, {
        method: "POST",
        headers: { "x-api-key": key, "content-type": "application/json", "content-encoding": "gzip" },
        body: gzipSync(Buffer.alloc(32 << 20, " ")),
      });
      return holdStatuses([...answers.map(({ status }) => status), bomb.status], [400, 413, 415, 429]);
    },
  },
  {
    kind: "messages",
    name: "bytes that are no protobuf, without a key and with one",
    promise: "They are rejected with 401 and 400.",
    async run(target) {
      const send = (headers: Record<string, string>) =>
        target.call(rpcPath, {
          method: "POST",
          body: "\xff\xff\xff\xff",
          headers: { "content-type": "application/proto", ...headers },
        });
      const [without, withKey] = [await send({}), await send({ "x-api-key": target.attacker.key })];
      hold(without.status === 401 && withKey.status === 400, `answered ${without.status} and ${withKey.status}`);
      return "401 and 400";
    },
  },
  {
    kind: "messages",
    name: "header values of 15 KiB that are lists",
    promise: "They are answered, none with a 5xx.",
    async run(target) {
      const names = [
        "accept",
        "accept-language",
        "if-none-match",
        "cookie",
        "x-forwarded-for",
        "tracestate",
        "accept-encoding",
      ];
      const { key, codeId } = target.attacker;
      const statuses: number[] = [];
      for (const name of names) {
        for (const item of [",", "a,", ";q=1,", '"x",']) {
          const headers = { [name]: item.repeat(15_000 / item.length) };
          statuses.push((await target.call(`/v1/qr-codes/${codeId}`, { key, headers })).status);
        }
      }
      return holdStatuses(statuses, [200, 400, 406, 429, 431]);
    },
  },
];
