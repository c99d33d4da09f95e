import { timestampDate } from "@bufbuild/protobuf/wkt";
import { z } from "zod";
import { type Session, SignUpMode } from "../../../gen/qrforge/auth/v1/session_pb.ts";
import { reachOf } from "../../../platform/short-url-base.ts";
import { toTime, toUsageJson } from "../api/representations.ts";
import {
  bodyOf,
  idParams,
  nameOf,
  noParams,
  noQuery,
  queryOf,
  readStyle,
  scansQuery,
  style,
  textOf,
} from "../api/requests.ts";
import { parse, parseBody, type RouteAnswer, type RouteArguments } from "../api/route.ts";
import { countScans } from "../api/scan-counts.ts";
import type { ReadBody } from "../http/body-reader.ts";
import type { Upstreams } from "../upstreams/clients.ts";
import { toAccountJson, toAuditJson, toKeyJson, toPropagationJson } from "./responses.ts";
import { csrfTokenOf } from "./session-cookie.ts";

/** Who is signed in. */
export interface Person {
  token: string;
  accountId: string;
  email: string;
  hasPassword: boolean;
  /** Whether a new password may be set without the old one. */
  maySetPassword: boolean;
}

/** What every call may ask, and how long. */
interface Asked {
  upstreams: Upstreams;
  /** Where short URLs begin; no slash at the end. */
  shortUrlBase: string;
  wait: { timeoutMs: number };
}

interface PersonCall extends Asked {
  person: Person;
  /** The person's network address. */
  address: string;
}

interface Input<P, Q, B> extends PersonCall {
  params: P;
  query: Q;
  body: B;
}

export interface SessionAnswer extends RouteAnswer {
  /** The session that the browser has from now on; null for none. */
  session?: { token: string; expiresAt: Date } | null;
}

/** Something that a person may do who is signed in, and an API key may not. */
export interface SessionRoute {
  method: "GET" | "POST" | "DELETE";
  /** Under the dashboard's prefix, with parameters as `:name`. */
  path: string;
  body: z.ZodType | undefined;
  /** Validates the arguments against the schemas, and does what is asked. */
  handle(call: PersonCall, given: RouteArguments): Promise<SessionAnswer>;
}

/** Makes a route of a handler whose input has the types of the schemas. Without a schema there is nothing to give. */
function route<
  P extends z.ZodType = typeof noParams,
  Q extends z.ZodType = typeof noQuery,
  B extends z.ZodType = typeof noBody,
>(typed: {
  method: SessionRoute["method"];
  path: string;
  params?: P;
  query?: Q;
  body?: B;
  handle(input: Input<z.output<P>, z.output<Q>, z.output<B>>): Promise<SessionAnswer>;
}): SessionRoute {
  const { method, path, body, handle } = typed;
  // The defaults of the types are the defaults of the values.
  const params = typed.params ?? (noParams as unknown as P);
  const query = typed.query ?? (noQuery as unknown as Q);
  return {
    method,
    path,
    body,
    handle: async (call, given) =>
      await handle({
        ...call,
        params: parse(params, given.params, "INVALID_REQUEST"),
        query: parse(query, given.query, "INVALID_REQUEST"),
        body: parseBody(body ?? (noBody as unknown as B), given.body),
      }),
  };
}

/** Something that may be done without being signed in. */
export interface OpenRoute {
  method: "GET" | "POST";
  path: string;
  /** How often one address may do it in a minute, where nothing else bounds it. */
  perMinuteMax?: number;
  handle(given: Asked & { body: ReadBody; address: string }): Promise<SessionAnswer>;
}

function openRoute<B extends z.ZodType>(typed: {
  method: OpenRoute["method"];
  path: string;
  perMinuteMax?: number;
  body: B;
  handle(input: Asked & { body: z.output<B>; address: string }): Promise<SessionAnswer>;
}): OpenRoute {
  return {
    ...typed,
    handle: async (given) => await typed.handle({ ...given, body: parseBody(typed.body, given.body) }),
  };
}

const noBody = z.undefined();
const signUpsPerMinuteMax = 10;
/** Tokens of links that one address may try in a minute: nobody guesses one, but each costs a call. */
const tokensPerMinuteMax = 120;
const signUpModes: Record<number, string> = {
  [SignUpMode.OPEN]: "open",
  [SignUpMode.INVITED]: "invited",
  [SignUpMode.CLOSED]: "closed",
};
const dayMs = 86_400_000;
const usageDays = 30;
const auditPageSize = 50;
const keysPageSize = 100;
const pagesMax = 100;
const token = z.string().max(100);
const password = z.string().max(1_024);
const credentials = bodyOf({ email: z.string().max(254), password });

/** The account that is signed in to, and what its pages send with every change. */
async function whoAmI(person: Omit<Person, "email">, { upstreams, shortUrlBase, wait }: Asked) {
  const { account } = await upstreams.accounts.getAccount({ accountId: person.accountId }, wait);
  return {
    ...toAccountJson(account),
    has_password: person.hasPassword,
    may_set_password: person.maySetPassword,
    csrf_token: csrfTokenOf(person.token),
    short_urls: { base: shortUrlBase, reach: reachOf(shortUrlBase) },
  };
}

async function opened(session: Session | undefined, asked: Asked): Promise<SessionAnswer> {
  if (!session?.expireTime) throw new Error("auth answered without a session");
  const { token, accountId } = session;
  const resolved = await asked.upstreams.sessions.resolveSession({ token }, asked.wait);
  const data = await whoAmI({ ...resolved, token, accountId }, asked);
  return { data, session: { token: session.token, expiresAt: timestampDate(session.expireTime) } };
}

const actorOf = ({ person, address }: { person: Person; address: string }) => ({
  name: `account:${person.accountId}`,
  address,
});

/** What people do in the dashboard who are not signed in. */
export const openRoutes: OpenRoute[] = [
  openRoute({
    method: "GET",
    path: "/sign-up",
    body: noBody,
    async handle({ upstreams, wait }) {
      const { mode } = await upstreams.sessions.getSignUpMode({}, wait);
      return { data: { mode: signUpModes[mode] } };
    },
  }),
  openRoute({
    method: "POST",
    path: "/sign-up",
    perMinuteMax: signUpsPerMinuteMax,
    body: credentials,
    async handle({ body, address, upstreams, wait }) {
      await upstreams.sessions.signUp({ ...body, address }, wait);
      return { data: {} };
    },
  }),
  openRoute({
    method: "POST",
    path: "/invitation",
    perMinuteMax: tokensPerMinuteMax,
    body: bodyOf({ token }),
    async handle({ body, upstreams, wait }) {
      const { email, expireTime } = await upstreams.invitations.getInvitation(body, wait);
      return { data: { email, expires_at: toTime(expireTime) } };
    },
  }),
  openRoute({
    method: "POST",
    path: "/invitation/accept",
    perMinuteMax: tokensPerMinuteMax,
    body: bodyOf({ token, password }),
    async handle({ body, address, upstreams, shortUrlBase, wait }) {
      const { session } = await upstreams.invitations.acceptInvitation({ ...body, address }, wait);
      return opened(session, { upstreams, shortUrlBase, wait });
    },
  }),
  openRoute({
    method: "POST",
    path: "/session",
    body: credentials,
    async handle({ body, address, upstreams, shortUrlBase, wait }) {
      const { session } = await upstreams.sessions.signIn({ ...body, address }, wait);
      return opened(session, { upstreams, shortUrlBase, wait });
    },
  }),
  openRoute({
    method: "POST",
    path: "/session/link",
    perMinuteMax: tokensPerMinuteMax,
    body: bodyOf({ token }),
    async handle({ body, address, upstreams, shortUrlBase, wait }) {
      const { session } = await upstreams.sessions.redeemSignInLink({ token: body.token, address }, wait);
      return opened(session, { upstreams, shortUrlBase, wait });
    },
  }),
];

/** What people do in the dashboard beyond the public API. */
export const sessionRoutes: SessionRoute[] = [
  route({
    method: "GET",
    path: "/session",
    handle: async ({ person, ...asked }) => ({ data: await whoAmI(person, asked) }),
  }),
  route({
    method: "DELETE",
    path: "/session",
    async handle({ person, upstreams, wait }) {
      await upstreams.sessions.signOut({ token: person.token }, wait);
      return { data: {}, session: null };
    },
  }),
  route({
    method: "DELETE",
    path: "/sessions",
    async handle({ person, upstreams, wait }) {
      await upstreams.sessions.signOutEverywhere({ token: person.token }, wait);
      return { data: {}, session: null };
    },
  }),
  route({
    method: "POST",
    path: "/password",
    body: bodyOf({ old_password: password, new_password: password }),
    async handle({ person, body, address, upstreams, shortUrlBase, wait }) {
      const { old_password: oldPassword, new_password: newPassword } = body;
      const request = { token: person.token, oldPassword, newPassword, address };
      const { session } = await upstreams.sessions.changePassword(request, wait);
      return opened(session, { upstreams, shortUrlBase, wait });
    },
  }),
  route({
    method: "GET",
    path: "/keys",
    query: queryOf({ cursor: z.string().optional() }),
    async handle({ person, query, upstreams, wait }) {
      const request = { accountId: person.accountId, pageSize: keysPageSize, pageToken: query.cursor ?? "" };
      const { keys, nextPageToken } = await upstreams.keys.listKeys(request, wait);
      return { data: keys.map(toKeyJson), nextCursor: nextPageToken || null };
    },
  }),
  route({
    method: "POST",
    path: "/keys",
    body: bodyOf({ name: nameOf(100) }),
    async handle({ person, body, address, upstreams, wait }) {
      const actor = actorOf({ person, address });
      const { key, secret } = await upstreams.keys.createKey(
        { accountId: person.accountId, name: body.name, actor },
        wait,
      );
      return { status: 201, data: { key: toKeyJson(key), secret } };
    },
  }),
  route({
    method: "POST",
    path: "/keys/:id/rotate",
    params: idParams,
    async handle({ person, params, address, upstreams, wait }) {
      const request = { keyId: params.id, accountId: person.accountId, actor: actorOf({ person, address }) };
      const { key, secret, propagation } = await upstreams.keys.rotateKey(request, wait);
      return { data: { key: toKeyJson(key), secret, propagation: toPropagationJson(propagation) } };
    },
  }),
  route({
    method: "POST",
    path: "/keys/:id/revoke",
    params: idParams,
    async handle({ person, params, address, upstreams, wait }) {
      const request = { keyId: params.id, accountId: person.accountId, actor: actorOf({ person, address }) };
      const { key, propagation } = await upstreams.keys.revokeKey(request, wait);
      return { data: { key: toKeyJson(key), propagation: toPropagationJson(propagation) } };
    },
  }),
  route({
    method: "GET",
    path: "/usage",
    async handle({ person, upstreams, wait }) {
      const { accountId } = person;
      const { account } = await upstreams.accounts.getAccount({ accountId }, wait);
      const limits = {
        perMinute: Number(account?.limits?.perMinute ?? 0),
        perDay: Number(account?.limits?.perDay ?? 0),
      };
      const dateOf = (ms: number) => new Date(ms).toISOString().slice(0, 10);
      const now = Date.now();
      const range = { accountId, fromDate: dateOf(now - (usageDays - 1) * dayMs), toDate: dateOf(now) };
      const [windows, { days }, byKey] = await Promise.all([
        upstreams.peek({ accountId, limits }, wait),
        upstreams.quota.listDailyUsage(range, wait),
        listKeyUsage(range, { upstreams, wait }),
      ]);
      const used = new Map(days.map((day) => [day.date, Number(day.used)]));
      const dates = Array.from({ length: usageDays }, (_, index) => dateOf(now - (usageDays - 1 - index) * dayMs));
      return {
        data: {
          ...toUsageJson(windows),
          days: dates.map((date) => ({ date, used: used.get(date) ?? 0 })),
          by_key: byKey,
        },
      };
    },
  }),
  route({
    method: "GET",
    path: "/projects/:id/scans",
    params: idParams,
    query: scansQuery,
    handle: ({ person, params, query, upstreams, wait }) =>
      countScans(upstreams, { accountId: person.accountId, projectId: params.id }, query, wait),
  }),
  route({
    method: "GET",
    path: "/audit",
    query: queryOf({
      before: z
        .string()
        .regex(/^\d{1,15}$/, "must be a sequence")
        .optional(),
    }),
    async handle({ person, query, upstreams, wait }) {
      const request = { accountId: person.accountId, pageSize: auditPageSize, before: BigInt(query.before ?? 0) };
      const { entries } = await upstreams.audit.listAuditEntries(request, wait);
      const last = entries.length === auditPageSize ? String(entries.at(-1)?.sequence) : null;
      return { data: entries.map(toAuditJson), nextCursor: last };
    },
  }),
  route({
    method: "POST",
    path: "/preview",
    body: bodyOf({ text: textOf(200), style }),
    async handle({ person, body, upstreams, wait }) {
      const request = { accountId: person.accountId, text: body.text, style: readStyle(body.style) };
      const { content, field, issue } = await upstreams.symbols.previewSymbol(request, wait);
      const svg = Buffer.from(content).toString("utf8");
      return { data: issue === "" ? { svg, issue: null } : { svg: null, issue: { field, issue } } };
    },
  }),
];

/** What each key used over a range of days. */
async function listKeyUsage(
  range: { accountId: string; fromDate: string; toDate: string },
  asked: Pick<Asked, "upstreams" | "wait">,
) {
  const byKey = new Map<string, { key_id: string | null; admitted: number; refused: number }>();
  let pageToken = "";
  for (let page = 0; page < pagesMax; page++) {
    const { usages, nextPageToken } = await asked.upstreams.quota.listKeyUsage({ ...range, pageToken }, asked.wait);
    for (const { keyId, admitted, refused } of usages) {
      const sum = byKey.get(keyId) ?? { key_id: keyId || null, admitted: 0, refused: 0 };
      sum.admitted += Number(admitted);
      sum.refused += Number(refused);
      byKey.set(keyId, sum);
    }
    pageToken = nextPageToken;
    if (pageToken === "") break;
  }
  return [...byKey.values()];
}
