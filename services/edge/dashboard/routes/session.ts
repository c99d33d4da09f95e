import { z } from "zod";
import { limits } from "../../../../contracts/limits.ts";
import { bodyOf, idParams, nameOf, queryOf, readStyle, scansQuery, style, textOf } from "../../api/requests.ts";
import { required } from "../../api/responses/fields.ts";
import { countScans } from "../../api/scan-counts.ts";
import { toAuditResponse } from "../responses/audit.ts";
import { toKeyResponse, toPropagationResponse } from "../responses/key.ts";
import { noInput, type SessionRoute, type SignedInUser, sessionRoute } from "../route.ts";
import { openSession, sessionInfo } from "../session-info.ts";
import { readUsage } from "../usage.ts";

const auditPageSize = 50;
const keysPageSize = 100;
const rotationsPerMinuteMax = 60;
const password = z.string().max(1_024);

const toActor = ({ user, address }: { user: SignedInUser; address: string }) => ({
  name: `account:${user.accountId}`,
  address,
});

/** Operations of the dashboard in addition to those of the public API. */
export const sessionRoutes: SessionRoute[] = [
  sessionRoute({
    ...noInput,
    method: "GET",
    path: "/session",
    handle: async ({ user, ...call }) => ({ data: await sessionInfo(user, call) }),
  }),
  sessionRoute({
    ...noInput,
    method: "DELETE",
    path: "/session",
    async handle({ user, upstreams, wait }) {
      await upstreams.sessions.signOut({ token: user.token }, wait);
      return { data: {}, session: null };
    },
  }),
  sessionRoute({
    ...noInput,
    method: "DELETE",
    path: "/sessions",
    async handle({ user, upstreams, wait }) {
      await upstreams.sessions.signOutEverywhere({ token: user.token }, wait);
      return { data: {}, session: null };
    },
  }),
  sessionRoute({
    ...noInput,
    method: "POST",
    path: "/password",
    body: bodyOf({ old_password: password, new_password: password }),
    async handle({ user, body, ...call }) {
      const { old_password: oldPassword, new_password: newPassword } = body;
      const request = { token: user.token, oldPassword, newPassword, address: call.address };
      const { session } = await call.upstreams.sessions.changePassword(request, call.wait);
      return openSession(session, call);
    },
  }),
  sessionRoute({
    ...noInput,
    method: "POST",
    path: "/email",
    body: bodyOf({ email: z.string().max(254), password }),
    async handle({ user, body, address, upstreams, wait }) {
      await upstreams.sessions.requestEmailChange({ ...body, token: user.token, address }, wait);
      return { data: {} };
    },
  }),
  sessionRoute({
    ...noInput,
    method: "GET",
    path: "/keys",
    query: queryOf({ next_page_token: z.string().optional() }),
    async handle({ user, query, upstreams, wait, nowMs }) {
      const request = { accountId: user.accountId, pageSize: keysPageSize, pageToken: query.next_page_token ?? "" };
      const { keys, nextPageToken } = await upstreams.keys.listKeys(request, wait);
      return { items: keys.map((key) => toKeyResponse(key, nowMs)), nextPageToken };
    },
  }),
  sessionRoute({
    ...noInput,
    method: "POST",
    path: "/keys",
    cost: 1,
    body: bodyOf({ name: nameOf(limits.keyNameLengthMax) }),
    async handle({ user, body, address, upstreams, wait, nowMs }) {
      const actor = toActor({ user, address });
      const { key, secret } = await upstreams.keys.createKey(
        { accountId: user.accountId, name: body.name, actor },
        wait,
      );
      return { status: 201, data: { key: toKeyResponse(required(key, "a key"), nowMs), secret } };
    },
  }),
  sessionRoute({
    ...noInput,
    method: "POST",
    path: "/keys/:id/rotate",
    perMinuteMax: rotationsPerMinuteMax,
    params: idParams,
    async handle({ user, params, address, upstreams, wait, nowMs }) {
      const request = { keyId: params.id, accountId: user.accountId, actor: toActor({ user, address }) };
      const { key, secret, propagation } = await upstreams.keys.rotateKey(request, wait);
      return {
        data: {
          key: toKeyResponse(required(key, "a key"), nowMs),
          secret,
          propagation: toPropagationResponse(required(propagation, "a propagation")),
        },
      };
    },
  }),
  sessionRoute({
    ...noInput,
    method: "POST",
    path: "/keys/:id/revoke",
    params: idParams,
    async handle({ user, params, address, upstreams, wait, nowMs }) {
      const request = { keyId: params.id, accountId: user.accountId, actor: toActor({ user, address }) };
      const { key, propagation } = await upstreams.keys.revokeKey(request, wait);
      return {
        data: {
          key: toKeyResponse(required(key, "a key"), nowMs),
          propagation: toPropagationResponse(required(propagation, "a propagation")),
        },
      };
    },
  }),
  sessionRoute({
    ...noInput,
    method: "GET",
    path: "/usage",
    handle: async (call) => ({ data: await readUsage(call) }),
  }),
  sessionRoute({
    ...noInput,
    method: "GET",
    path: "/code-count",
    async handle({ user, upstreams, wait }) {
      const { count } = await upstreams.qrCodes.countActiveQrCodes({ accountId: user.accountId }, wait);
      return { data: { active: Number(count), max: Number(user.activeCodesMax) || null } };
    },
  }),
  sessionRoute({
    ...noInput,
    method: "GET",
    path: "/projects/:id/scans",
    params: idParams,
    query: scansQuery,
    handle: ({ user, params, query, upstreams, wait, nowMs }) =>
      countScans(upstreams, { accountId: user.accountId, projectId: params.id }, query, { nowMs, wait }),
  }),
  sessionRoute({
    ...noInput,
    method: "GET",
    path: "/audit",
    query: queryOf({
      before: z
        .string()
        .regex(/^\d{1,15}$/, "must be a sequence")
        .optional(),
    }),
    async handle({ user, query, upstreams, wait }) {
      const request = { accountId: user.accountId, pageSize: auditPageSize, before: BigInt(query.before ?? 0) };
      const { entries } = await upstreams.audit.listAuditEntries(request, wait);
      const last = entries.length === auditPageSize ? String(entries.at(-1)?.sequence) : null;
      return { items: entries.map(toAuditResponse), nextPageToken: last };
    },
  }),
  sessionRoute({
    ...noInput,
    method: "POST",
    path: "/preview",
    cost: 1,
    body: bodyOf({ text: textOf(200), style }),
    async handle({ user, body, upstreams, wait }) {
      const request = { accountId: user.accountId, text: body.text, style: readStyle(body.style) };
      const { content, field, issue } = await upstreams.symbols.previewSymbol(request, wait);
      const svg = Buffer.from(content).toString("utf8");
      return { data: issue === "" ? { svg, issue: null } : { svg: null, issue: { field, issue } } };
    },
  }),
];
