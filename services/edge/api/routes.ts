import { z } from "zod";
import { limits } from "../../../contracts/limits.ts";
import { ErrorCorrection } from "../../../gen/qrforge/qr/v1/symbol_pb.ts";
import { ServiceError } from "../../../platform/errors.ts";
import { omitUndefined } from "../../../platform/omit-undefined.ts";
import { acceptedFormat, fileHeaders, symbolFormats } from "../http/accept.ts";
import { quoted, readTags, requiredTag, unlessMatched } from "../http/etag.ts";
import { toProjectJson, toQrCodeJson, toUsageJson } from "./representations.ts";
import {
  bodyOf,
  idParams,
  imageQuery,
  listQuery,
  nameOf,
  noParams,
  noQuery,
  projectId,
  queryOf,
  readStyle,
  redirectUrl,
  scansQuery,
  slug,
  statusNumbers,
  style,
  textOf,
} from "./requests.ts";
import { projectAnswer, qrCodeAnswer, scansAnswer, usageAnswer } from "./responses.ts";
import { type Route, route } from "./route.ts";
import { countScans } from "./scan-counts.ts";

const createQrCode = bodyOf({
  name: nameOf(limits.codeNameLengthMax),
  redirect_url: redirectUrl,
  type: z.literal("url", { error: 'must be "url"' }).optional(),
  project_id: projectId.optional(),
  slug: slug.optional(),
  style: style.optional(),
});

const batchSize = `1 to ${limits.codesPerBatchMax} codes`;

function newQrCode(body: z.output<typeof createQrCode>) {
  return omitUndefined({
    name: body.name,
    redirectUrl: body.redirect_url,
    projectId: body.project_id,
    slug: body.slug,
    style: body.style && readStyle(body.style),
  });
}

const updateQrCode = bodyOf({
  name: nameOf(limits.codeNameLengthMax).optional(),
  redirect_url: redirectUrl.optional(),
  project_id: projectId.optional(),
  style: style.optional(),
  status: z.enum(["active", "archived"]).optional(),
});

const noSuchCode = () => new ServiceError("NOT_FOUND", "There is no such QR code in this account.");

/** The public API: one entry for each operation, in the order of the reference. */
export const routes: Route[] = [
  route({
    method: "GET",
    path: "/v1/qr-codes",
    operation: "listQrCodes",
    summary: "List QR codes, newest first",
    reference: {
      description: "Pages stay right while codes are added: each code that was there is listed once.",
      data: qrCodeAnswer,
      isList: true,
      status: 200,
      failures: ["PROJECT_NOT_FOUND"],
      example: { query: "limit=10&status=all&q=Menu" },
    },
    params: noParams,
    query: queryOf({
      ...listQuery,
      project_id: projectId.optional(),
      status: z.enum(["active", "archived", "all"]).default("active"),
      q: z.string().max(200).optional(),
    }),
    body: undefined,
    async handle({ accountId, query, upstreams, timeoutMs }) {
      const page = await upstreams.qrCodes.listQrCodes(
        omitUndefined({
          accountId,
          pageSize: query.limit,
          pageToken: query.cursor,
          projectId: query.project_id,
          status: statusNumbers[query.status],
          nameContains: query.q,
        }),
        { timeoutMs },
      );
      return { data: page.qrCodes.map(toQrCodeJson), nextCursor: page.nextPageToken || null };
    },
  }),
  route({
    method: "POST",
    path: "/v1/qr-codes",
    operation: "createQrCode",
    summary: "Create a QR code",
    reference: {
      description:
        "Without `project_id` the code goes to the default project, without `slug` it gets a random one. The symbol is drawn and read back first.",
      data: qrCodeAnswer,
      status: 201,
      failures: ["INVALID_PAYLOAD", "PROJECT_NOT_FOUND", "CONFLICT"],
      example: { body: { name: "Menu", redirect_url: "https://example.com/menu", style: { module_shape: "rounded" } } },
    },
    params: noParams,
    query: noQuery,
    body: createQrCode,
    async handle({ accountId, body, idempotency, upstreams, timeoutMs }) {
      const request = omitUndefined({ accountId, ...newQrCode(body), idempotency });
      const { qrCode, replayed } = await upstreams.qrCodes.createQrCode(request, { timeoutMs });
      const data = toQrCodeJson(qrCode);
      const headers = { location: `/v1/qr-codes/${data.id}`, etag: quoted(qrCode?.etag), ...replay(replayed) };
      return { data, status: 201, headers };
    },
  }),
  route({
    method: "POST",
    path: "/v1/qr-codes/batch",
    operation: "batchCreateQrCodes",
    summary: "Create up to 100 QR codes, all or none",
    reference: {
      description: "All or none, in one transaction. Counts as one request for each code.",
      data: qrCodeAnswer,
      isList: true,
      status: 201,
      failures: ["INVALID_PAYLOAD", "PROJECT_NOT_FOUND", "CONFLICT"],
      example: {
        body: {
          qr_codes: [
            { name: "Table 1", redirect_url: "https://example.com/tables/1" },
            { name: "Table 2", redirect_url: "https://example.com/tables/2" },
          ],
        },
      },
    },
    params: noParams,
    query: noQuery,
    body: bodyOf({
      qr_codes: z
        .array(createQrCode, { error: `must be an array of ${batchSize}` })
        .min(1, `must hold ${batchSize}`)
        .max(limits.codesPerBatchMax, `must hold ${batchSize}`),
    }),
    cost(body) {
      const codes = (body as { qr_codes?: unknown } | null)?.qr_codes;
      // One that holds too few or too many is refused, and counts as the one request that it is.
      return Array.isArray(codes) && codes.length >= 1 && codes.length <= limits.codesPerBatchMax ? codes.length : 1;
    },
    async handle({ accountId, body, idempotency, upstreams, timeoutMs }) {
      const request = omitUndefined({ accountId, qrCodes: body.qr_codes.map(newQrCode), idempotency });
      const { qrCodes, replayed } = await upstreams.qrCodes.batchCreateQrCodes(request, { timeoutMs });
      return { data: qrCodes.map(toQrCodeJson), status: 201, headers: replay(replayed) };
    },
  }),
  route({
    method: "GET",
    path: "/v1/qr-codes/:id",
    operation: "getQrCode",
    summary: "Read a QR code by id or slug",
    reference: {
      description: "Answers 304 if `If-None-Match` has the code's `ETag`.",
      data: qrCodeAnswer,
      status: 200,
      failures: ["NOT_FOUND"],
      example: {},
    },
    params: idParams,
    query: noQuery,
    body: undefined,
    async handle({ accountId, params, ifNoneMatch, upstreams, timeoutMs }) {
      const qrCode = await upstreams.getQrCode(accountId, params.id, { timeoutMs });
      if (!qrCode) throw noSuchCode();
      return unlessMatched(ifNoneMatch, qrCode.etag, toQrCodeJson(qrCode));
    },
  }),
  route({
    method: "PATCH",
    path: "/v1/qr-codes/:id",
    operation: "updateQrCode",
    summary: "Change, archive or restore a QR code",
    reference: {
      description:
        "What is not given stays. The next scan on every edge follows the edit once this has returned. With `If-Match` only the revision that was read is changed.",
      data: qrCodeAnswer,
      status: 200,
      failures: ["INVALID_PAYLOAD", "NOT_FOUND", "PROJECT_NOT_FOUND", "RESOURCE_ARCHIVED", "PRECONDITION_FAILED"],
      example: { body: { redirect_url: "https://example.com/menu/winter", style: { caption: "Our menu" } } },
    },
    params: idParams,
    query: noQuery,
    body: updateQrCode,
    async handle({ accountId, params, body, ifMatch, upstreams, timeoutMs }) {
      const { qrCode } = await upstreams.qrCodes.updateQrCode(
        omitUndefined({
          accountId,
          qrCodeId: params.id,
          name: body.name,
          redirectUrl: body.redirect_url,
          projectId: body.project_id,
          style: body.style && readStyle(body.style),
          status: body.status && statusNumbers[body.status],
          etag: requiredTag(ifMatch),
        }),
        { timeoutMs },
      );
      return { data: toQrCodeJson(qrCode), headers: { etag: quoted(qrCode?.etag) } };
    },
  }),
  route({
    method: "GET",
    path: "/v1/qr-codes/:id/image",
    operation: "getQrCodeImage",
    summary: "Draw the symbol of a QR code",
    reference: {
      description:
        "SVG, PNG or PDF, by `format` or `Accept`. The symbol has been read back by a reader of its own before it is handed out.",
      data: "file",
      status: 200,
      failures: ["INVALID_PAYLOAD", "NOT_FOUND"],
      example: { query: "format=png&size=512&margin=4&ecc=M" },
    },
    params: idParams,
    query: imageQuery,
    body: undefined,
    async handle({ accountId, params, query, accept, ifNoneMatch, upstreams, timeoutMs }) {
      const format = query.format ?? acceptedFormat(accept);
      const options = omitUndefined({
        format: symbolFormats[format].number,
        size: query.size,
        margin: query.margin,
        errorCorrection: query.ecc && ErrorCorrection[query.ecc],
      });
      const request = { accountId, idOrSlug: params.id, options, knownEtags: readTags(ifNoneMatch) };
      const { etag, content } = await upstreams.symbols.drawSymbol(request, { timeoutMs });
      const headers = { etag: quoted(etag), vary: "accept", ...fileHeaders };
      if (content.length === 0) return { status: 304, headers };
      return { file: { type: symbolFormats[format].type, bytes: content }, headers };
    },
  }),
  route({
    method: "GET",
    path: "/v1/qr-codes/:id/scans",
    operation: "countScans",
    summary: "Count the scans of a QR code",
    reference: {
      description: "Whole hours or days in UTC that `from` to `to` touches; 30 days unless told, 800 spans at most.",
      data: scansAnswer,
      status: 200,
      failures: ["NOT_FOUND"],
      example: { query: "interval=day&by=device" },
    },
    params: idParams,
    query: scansQuery,
    body: undefined,
    handle: ({ accountId, params, query, upstreams, timeoutMs }) =>
      countScans(upstreams, { accountId, idOrSlug: params.id }, query, { timeoutMs }),
  }),
  route({
    method: "GET",
    path: "/v1/projects",
    operation: "listProjects",
    summary: "List projects, newest first",
    reference: {
      description: "An account is born with one default project.",
      data: projectAnswer,
      isList: true,
      status: 200,
      failures: [],
      example: { query: "limit=20" },
    },
    params: noParams,
    query: queryOf(listQuery),
    body: undefined,
    async handle({ accountId, query, upstreams, timeoutMs }) {
      const page = await upstreams.projects.listProjects(
        omitUndefined({ accountId, pageSize: query.limit, pageToken: query.cursor }),
        { timeoutMs },
      );
      return { data: page.projects.map(toProjectJson), nextCursor: page.nextPageToken || null };
    },
  }),
  route({
    method: "POST",
    path: "/v1/projects",
    operation: "createProject",
    summary: "Create a project",
    reference: {
      description: "A folder for codes.",
      data: projectAnswer,
      status: 201,
      failures: ["INVALID_PAYLOAD", "CONFLICT"],
      example: { body: { name: "Labels", description: "On every box" } },
    },
    params: noParams,
    query: noQuery,
    body: bodyOf({
      name: nameOf(limits.projectNameLengthMax),
      description: textOf(limits.projectDescriptionLengthMax).optional(),
    }),
    async handle({ accountId, createdVia, body, idempotency, upstreams, timeoutMs }) {
      const { project, replayed } = await upstreams.projects.createProject(
        omitUndefined({ accountId, name: body.name, description: body.description, createdVia, idempotency }),
        { timeoutMs },
      );
      const data = toProjectJson(project);
      return { data, status: 201, headers: { location: `/v1/projects/${data.id}`, ...replay(replayed) } };
    },
  }),
  route({
    method: "GET",
    path: "/v1/projects/:id",
    operation: "getProject",
    summary: "Read a project",
    reference: {
      description: "One project of the account.",
      data: projectAnswer,
      status: 200,
      failures: ["NOT_FOUND"],
      example: {},
    },
    params: idParams,
    query: noQuery,
    body: undefined,
    async handle({ accountId, params, upstreams, timeoutMs }) {
      const { project } = await upstreams.projects.getProject({ accountId, projectId: params.id }, { timeoutMs });
      return { data: toProjectJson(project) };
    },
  }),
  route({
    method: "GET",
    path: "/v1/usage",
    operation: "getUsage",
    summary: "Read both windows of the caller's account",
    reference: {
      description: "As this very request left them.",
      data: usageAnswer,
      status: 200,
      failures: [],
      example: {},
    },
    params: noParams,
    query: noQuery,
    body: undefined,
    // The decision about this very request has both windows, so quota need not be asked again.
    handle: async ({ decision }) => ({ data: toUsageJson(decision) }),
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

function replay(replayed: boolean): Record<string, string> {
  return replayed ? { "idempotent-replayed": "true" } : {};
}
