import { z } from "zod";
import { CreatedVia } from "../../gen/qrforge/qr/v1/project_pb.ts";
import { Failure } from "../../platform/errors.ts";
import { toProjectJson, toQrCodeJson, toUsageJson } from "./representations.ts";
import { type Route, type RouteAnswer, route } from "./route.ts";
import {
  bodyOf,
  idParams,
  listQuery,
  nameOf,
  noParams,
  noQuery,
  projectId,
  queryOf,
  redirectUrl,
  slug,
  statusNumbers,
  style,
  textOf,
} from "./schemas.ts";

const createQrCode = bodyOf({
  name: nameOf(200),
  redirect_url: redirectUrl,
  type: z.literal("url", { error: 'must be "url"' }).optional(),
  project_id: projectId.optional(),
  slug: slug.optional(),
  style: style.optional(),
});

const updateQrCode = bodyOf({
  name: nameOf(200).optional(),
  redirect_url: redirectUrl.optional(),
  project_id: projectId.optional(),
  style: style.optional(),
  status: z.enum(["active", "archived"]).optional(),
});

const noSuchCode = () => new Failure("NOT_FOUND", "There is no such QR code in this account.");

/** The public API: one entry for each operation, in the order of the reference. */
export const routes: Route[] = [
  route({
    method: "GET",
    path: "/v1/qr-codes",
    operation: "listQrCodes",
    summary: "List QR codes, newest first",
    params: noParams,
    query: queryOf({
      ...listQuery,
      project_id: projectId.optional(),
      status: z.enum(["active", "archived", "all"]).default("active"),
      q: z.string().max(200).optional(),
    }),
    body: undefined,
    async handle({ accountId, query, upstreams, deadlineMs }) {
      const page = await upstreams.qrCodes.listQrCodes(
        {
          accountId,
          pageSize: query.limit,
          pageToken: query.cursor,
          projectId: query.project_id,
          status: statusNumbers[query.status],
          nameContains: query.q,
        },
        { deadlineMs },
      );
      return { data: page.qrCodes.map(toQrCodeJson), nextCursor: page.nextPageToken || null };
    },
  }),
  route({
    method: "POST",
    path: "/v1/qr-codes",
    operation: "createQrCode",
    summary: "Create a QR code",
    params: noParams,
    query: noQuery,
    body: createQrCode,
    async handle({ accountId, body, upstreams, deadlineMs }) {
      const { qrCode } = await upstreams.qrCodes.createQrCode(
        {
          accountId,
          name: body.name,
          redirectUrl: body.redirect_url,
          projectId: body.project_id,
          slug: body.slug,
          style: body.style,
        },
        { deadlineMs },
      );
      const data = toQrCodeJson(qrCode);
      const headers = { location: `/v1/qr-codes/${data.id}`, etag: quoted(qrCode?.etag) };
      return { data, status: 201, headers };
    },
  }),
  route({
    method: "GET",
    path: "/v1/qr-codes/:id",
    operation: "getQrCode",
    summary: "Read a QR code by id or slug",
    params: idParams,
    query: noQuery,
    body: undefined,
    async handle({ accountId, params, ifNoneMatch, upstreams, deadlineMs }) {
      const qrCode = await upstreams.getQrCode(accountId, params.id, { deadlineMs });
      if (!qrCode) throw noSuchCode();
      return unlessMatched(ifNoneMatch, qrCode.etag, toQrCodeJson(qrCode));
    },
  }),
  route({
    method: "PATCH",
    path: "/v1/qr-codes/:id",
    operation: "updateQrCode",
    summary: "Change, archive or restore a QR code",
    params: idParams,
    query: noQuery,
    body: updateQrCode,
    async handle({ accountId, params, body, ifMatch, upstreams, deadlineMs }) {
      const { qrCode } = await upstreams.qrCodes.updateQrCode(
        {
          accountId,
          qrCodeId: params.id,
          name: body.name,
          redirectUrl: body.redirect_url,
          projectId: body.project_id,
          style: body.style,
          status: body.status && statusNumbers[body.status],
          etag: requiredTag(ifMatch),
        },
        { deadlineMs },
      );
      return { data: toQrCodeJson(qrCode), headers: { etag: quoted(qrCode?.etag) } };
    },
  }),
  route({
    method: "GET",
    path: "/v1/projects",
    operation: "listProjects",
    summary: "List projects, newest first",
    params: noParams,
    query: queryOf(listQuery),
    body: undefined,
    async handle({ accountId, query, upstreams, deadlineMs }) {
      const page = await upstreams.projects.listProjects(
        { accountId, pageSize: query.limit, pageToken: query.cursor },
        { deadlineMs },
      );
      return { data: page.projects.map(toProjectJson), nextCursor: page.nextPageToken || null };
    },
  }),
  route({
    method: "POST",
    path: "/v1/projects",
    operation: "createProject",
    summary: "Create a project",
    params: noParams,
    query: noQuery,
    body: bodyOf({ name: nameOf(100), description: textOf(500).optional() }),
    async handle({ accountId, body, upstreams, deadlineMs }) {
      const { project } = await upstreams.projects.createProject(
        { accountId, name: body.name, description: body.description, createdVia: CreatedVia.API },
        { deadlineMs },
      );
      const data = toProjectJson(project);
      return { data, status: 201, headers: { location: `/v1/projects/${data.id}` } };
    },
  }),
  route({
    method: "GET",
    path: "/v1/projects/:id",
    operation: "getProject",
    summary: "Read a project",
    params: idParams,
    query: noQuery,
    body: undefined,
    async handle({ accountId, params, upstreams, deadlineMs }) {
      const { project } = await upstreams.projects.getProject({ accountId, projectId: params.id }, { deadlineMs });
      return { data: toProjectJson(project) };
    },
  }),
  route({
    method: "GET",
    path: "/v1/usage",
    operation: "getUsage",
    summary: "Read both windows of the caller's account",
    params: noParams,
    query: noQuery,
    body: undefined,
    // The decision about this very request has both windows, so quota need not be asked again.
    handle: async ({ metered }) => ({ data: toUsageJson(metered) }),
  }),
];

/** Paths that exist for people and not for keys: what they refuse, and why. */
export const forbidden: Record<string, string> = {
  "/v1/billing": "API keys cannot see or change billing. Sign in to the dashboard for that.",
  "/v1/subscription": "API keys cannot see or change the subscription. Sign in to the dashboard for that.",
  "/v1/api-keys": "API keys cannot create, list, rotate or revoke keys. Sign in to the dashboard for that.",
  "/v1/internal": "Internal data is not open to API keys.",
};

/** Says more than the general message where a method is refused on purpose. */
export const methodMessages: Record<string, string> = {
  "DELETE /v1/qr-codes/:id":
    'QR codes are archived, not deleted: a printed code must not come to mean something else. PATCH {"status":"archived"}.',
};

function quoted(etag: string | undefined): string {
  return `"${etag}"`;
}

/** 304 if the client has this revision already. */
function unlessMatched(ifNoneMatch: string | undefined, etag: string, data: unknown): RouteAnswer {
  const headers = { etag: quoted(etag) };
  const known = ifNoneMatch?.split(",").map((tag) => tag.trim().replace(/^W\//, "")) ?? [];
  if (known.includes("*") || known.includes(quoted(etag))) return { status: 304, headers };
  return { data, headers };
}

/** The tags in If-Match with commas between them, empty for none or any. Weak tags never match, says RFC 9110. */
function requiredTag(ifMatch: string | undefined): string {
  if (ifMatch === undefined || ifMatch.trim() === "*") return "";
  const tags = ifMatch.split(",").map((tag) => /^(W\/)?"([^",]+)"$/.exec(tag.trim()));
  if (tags.includes(null)) throw new Failure("INVALID_REQUEST", "If-Match must be ETags in quotation marks, or *.");
  const strong = tags.flatMap((tag) => (tag?.[2] !== undefined && tag[1] === undefined ? [tag[2]] : []));
  if (strong.length === 0) throw new Failure("PRECONDITION_FAILED", "If-Match needs a strong ETag.");
  return strong.join(",");
}
