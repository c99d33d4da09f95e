import type { Attack } from "../attack.ts";
import { hold, holdStatuses } from "../hold.ts";
import type { Target } from "../target.ts";

const statusOf = ({ status }: { status: number }) => status;

/** Calls by REST that name what belongs to the victim. */
function restCalls(target: Target) {
  const { codeId, slug, projectId } = target.victim;
  const { key } = target.attacker;
  const patch = (id: string, body: unknown) => target.call(`/v1/qr-codes/${id}`, { method: "PATCH", key, body });
  return [codeId, slug]
    .flatMap((id) => [
      () => target.call(`/v1/qr-codes/${id}`, { key }),
      () => target.call(`/v1/qr-codes/${id}/image`, { key }),
      () => target.call(`/v1/qr-codes/${id}/scans`, { key }),
    ])
    .concat([
      () => patch(codeId, { redirect_url: "https://attacker.example/" }),
      () => patch(codeId, { status: "archived" }),
      () => target.call(`/v1/projects/${projectId}`, { key }),
      () => target.call(`/v1/qr-codes?project_id=${projectId}`, { key }),
      () =>
        target.call("/v1/qr-codes", {
          key,
          body: { name: "n", redirect_url: "https://example.com/", project_id: projectId },
        }),
    ]);
}

/** Attacks on what another account has, and on what no key may do. */
export const accessAttacks: Attack[] = [
  {
    kind: "access",
    name: "another account's code and project, over REST",
    promise: "They look as if they were not there, and stay unchanged.",
    async run(target) {
      const statuses: number[] = [];
      for (const attempt of restCalls(target)) statuses.push(statusOf(await attempt()));
      const seen = holdStatuses(statuses, [404]);
      const code = await target.call(`/v1/qr-codes/${target.victim.codeId}`, { key: target.victim.key });
      hold(code.body.data.redirect_url === "https://example.com/", "the code was changed");
      return seen;
    },
  },
  {
    kind: "access",
    name: "another account's code and project, over Connect",
    promise: "They look as if they were not there.",
    async run(target) {
      const { codeId, projectId } = target.victim;
      const calls = [
        ["GetQrCode", { id: codeId }],
        ["UpdateQrCode", { id: codeId, redirectUrl: "https://attacker.example/" }],
        ["GetQrCodeImage", { id: codeId }],
        ["CountScans", { id: codeId }],
        ["GetProject", { id: projectId }],
      ] as const;
      const statuses: number[] = [];
      for (const [method, body] of calls) {
        const { key } = target.attacker;
        statuses.push(statusOf(await target.call(`/qrforge.api.v1.ApiService/${method}`, { key, body })));
      }
      return holdStatuses(statuses, [404]);
    },
  },
  {
    kind: "access",
    name: "another account's codes in lists and searches",
    promise: "They are in none.",
    async run(target) {
      const { key } = target.attacker;
      const queries = ["?status=all", `?q=${target.victim.slug}`, "?q=%25", "?q=_", "?q=%27%20or%201%3D1--"];
      for (const query of queries) {
        const answer = await target.call(`/v1/qr-codes${query}`, { key });
        hold(answer.status < 500, `${query}: ${answer.status}`);
        hold(!answer.text.includes(target.victim.codeId), `${query} shows the victim's code`);
      }
      return `${queries.length} lists without it`;
    },
  },
  {
    kind: "access",
    name: "billing, keys and internal paths with a good key",
    promise: "Each is rejected with 403.",
    async run(target) {
      const paths = ["billing", "subscription", "api-keys", "internal"].flatMap((name) => [
        `/v1/${name}`,
        `/v1/${name}/x`,
      ]);
      const answers = await Promise.all(paths.map((path) => target.call(path, { key: target.attacker.key })));
      return holdStatuses(answers.map(statusOf), [403]);
    },
  },
  {
    kind: "access",
    name: "two different keys in one request, a key in the query, no key",
    promise: "Each is rejected with 401.",
    async run(target) {
      const { victim, attacker } = target;
      const answers = [
        await target.call("/v1/usage", { key: attacker.key, headers: { authorization: `Bearer ${victim.key}` } }),
        await target.call(`/v1/usage?x-api-key=${attacker.key}`),
        await target.call("/v1/usage"),
        await target.call("/v1/nope"),
      ];
      return holdStatuses(answers.map(statusOf), [401]);
    },
  },
  {
    kind: "access",
    name: "internal services on the edge's ports",
    promise: "They are not served there.",
    async run(target) {
      const methods = [
        "qrforge.auth.v1.AccountService/ListAccounts",
        "qrforge.auth.v1.KeyService/CreateKey",
        "qrforge.auth.v1.SessionService/CreateSignInLink",
        "qrforge.quota.v1.QuotaService/ConsumeQuota",
        "qrforge.qr.v1.QrCodeService/GetQrCode",
      ];
      const statuses: number[] = [];
      for (const base of [target.edge, ...(target.rpc ? [target.edge] : [])]) {
        for (const method of methods) {
          const answer = await fetch(`${base}/${method}`, {
            method: "POST",
            headers: { "content-type": "application/json", "x-api-key": target.attacker.key },
            body: "{}",
          });
          await answer.arrayBuffer();
          statuses.push(answer.status);
        }
      }
      return holdStatuses(statuses, [403, 404, 405]);
    },
  },
];
