import { z } from "zod";
import { limits } from "../../../../contracts/limits.ts";
import { ErrorCorrection } from "../../../../gen/qrforge/qr/v1/symbol_pb.ts";
import { ServiceError } from "../../../../platform/errors.ts";
import { omitUndefined } from "../../../../platform/omit-undefined.ts";
import { acceptedFormat, fileHeaders, symbolFormats } from "../../http/accept.ts";
import { notModified, quoted, readTags, requiredTag, unlessMatched } from "../../http/etag.ts";
import { replayHeaders } from "../idempotency.ts";
import { readOnlyFields } from "../read-only.ts";
import {
  bodyOf,
  idParams,
  imageQuery,
  listQuery,
  nameOf,
  noBody,
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
} from "../requests.ts";
import { required } from "../responses/fields.ts";
import { qrCodeResponse, toQrCodeResponse } from "../responses/qr-code.ts";
import { scansResponse } from "../responses/scans.ts";
import { type Route, route } from "../route.ts";
import { countScans } from "../scan-counts.ts";

const isObject = (value: unknown) => typeof value === "object" && value !== null && !Array.isArray(value);

const createQrCode = bodyOf({
  name: nameOf(limits.codeNameLengthMax)
    .nullish()
    .meta({ description: "Name in lists; required unless `label` is given" }),
  label: nameOf(limits.codeNameLengthMax).nullish().meta({ description: "Taken for `name` where that is missing" }),
  redirect_url: redirectUrl,
  type: z.literal("url", { error: 'must be "url"' }).nullish().meta({ description: "Kind of content; default: `url`" }),
  project_id: projectId.nullish().meta({ description: "Id of the code's project; default: the default project" }),
  slug: slug.nullish().meta({ description: "The path of the short URL; default: `qr-` and 7 random characters" }),
  style,
})
  .refine(({ name, label }) => (name ?? label ?? undefined) !== undefined, {
    path: ["name"],
    error: "is required",
    // Also where other fields are at fault, so that one answer names all.
    when: ({ value }) => isObject(value),
  })
  .meta({
    id: "NewQrCode",
    description: "A code to create, with a `name` or a `label`",
    // Generators take `anyOf` for a choice of types.
    if: { properties: { label: { type: "string" } }, required: ["label"] },
    else: { properties: { name: { type: "string" } }, required: ["name"] },
  });

const batchSize = `1 to ${limits.codesPerBatchMax} codes`;

function newQrCode(body: z.output<typeof createQrCode>) {
  return omitUndefined({
    name: body.name ?? body.label ?? undefined,
    redirectUrl: body.redirect_url,
    projectId: body.project_id ?? undefined,
    slug: body.slug ?? undefined,
    style: readStyle(body.style),
  });
}

const readOnly = readOnlyFields(
  ["id", "slug", "type", "short_url", "created_at", "taken_down"],
  ["scan_count", "updated_at", "render_status", "last_rendered_at"],
);

const updateQrCode = bodyOf({
  ...readOnly.shape,
  name: nameOf(limits.codeNameLengthMax).optional().meta({ description: "Name in lists" }),
  redirect_url: redirectUrl.optional(),
  project_id: projectId.nullish().meta({ description: "Id of the code's project; null for the default project" }),
  style,
  status: z.enum(["active", "archived"]).optional().meta({ description: "Archives or restores the code" }),
}).meta({ id: "QrCodeChange", description: "A change of a code: what is left out stays" });

const noSuchCode = () => new ServiceError("NOT_FOUND", "There is no such QR code in this account.");

export const qrCodeRoutes: Route[] = [
  route({
    method: "GET",
    path: "/v1/qr-codes",
    operation: "listQrCodes",
    summary: "List QR codes, newest first",
    reference: {
      description: "Pages stay right while codes are added: each code that was there is listed once.",
      data: qrCodeResponse,
      isList: true,
      status: 200,
      failures: ["PROJECT_NOT_FOUND"],
      example: { query: "page_size=10&status=all&q=Menu" },
    },
    params: noParams,
    query: queryOf({
      ...listQuery,
      project_id: projectId.meta({ description: "Id of the project whose codes to list" }).optional(),
      status: z
        .enum(["active", "archived", "all"])
        .default("active")
        .meta({ description: "Whether to list active codes, archived ones or all" }),
      q: textOf(limits.codeNameLengthMax)
        .meta({ maxLength: limits.codeNameLengthMax, description: "Text that the name contains, in any letter case" })
        .optional(),
    }),
    body: noBody,
    async handle({ accountId, query, upstreams, timeoutMs }) {
      const page = await upstreams.qrCodes.listQrCodes(
        omitUndefined({
          accountId,
          pageSize: query.page_size,
          pageToken: query.next_page_token,
          projectId: query.project_id,
          status: statusNumbers[query.status],
          nameContains: query.q,
        }),
        { timeoutMs },
      );
      return { items: page.qrCodes.map(toQrCodeResponse), nextPageToken: page.nextPageToken };
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
      data: qrCodeResponse,
      status: 201,
      failures: ["INVALID_PAYLOAD", "PROJECT_NOT_FOUND", "CONFLICT", "CODE_LIMIT_REACHED"],
      example: { body: { name: "Menu", redirect_url: "https://example.com/menu", style: { module_shape: "rounded" } } },
    },
    params: noParams,
    query: noQuery,
    body: createQrCode,
    async handle({ accountId, activeCodesMax, body, idempotency, upstreams, timeoutMs }) {
      const request = omitUndefined({ accountId, activeCodesMax, ...newQrCode(body), idempotency });
      const { qrCode, replayed } = await upstreams.qrCodes.createQrCode(request, { timeoutMs });
      const data = toQrCodeResponse(required(qrCode, "a code"));
      const headers = { location: `/v1/qr-codes/${data.id}`, etag: quoted(qrCode?.etag), ...replayHeaders(replayed) };
      return { data, status: 201, headers };
    },
  }),
  route({
    method: "POST",
    path: "/v1/qr-codes/batch",
    operation: "batchCreateQrCodes",
    summary: "Create up to 100 QR codes, all or none",
    reference: {
      description:
        "All or none, in one transaction, also where the plan's number of active codes has no room for all. Counts as one request for each code.",
      data: qrCodeResponse,
      isList: true,
      status: 201,
      failures: ["INVALID_PAYLOAD", "PROJECT_NOT_FOUND", "CONFLICT", "CODE_LIMIT_REACHED"],
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
        .max(limits.codesPerBatchMax, `must hold ${batchSize}`)
        .meta({ description: batchSize }),
    }).meta({ id: "QrCodeBatch", description: "Codes to create together, all or none" }),
    cost(body) {
      const codes = typeof body === "object" && body !== null && "qr_codes" in body ? body.qr_codes : undefined;
      // A batch with too few or too many codes is rejected and counts as one request.
      return Array.isArray(codes) && codes.length >= 1 && codes.length <= limits.codesPerBatchMax ? codes.length : 1;
    },
    async handle({ accountId, activeCodesMax, body, idempotency, upstreams, timeoutMs }) {
      const qrCodes = body.qr_codes.map(newQrCode);
      const request = omitUndefined({ accountId, activeCodesMax, qrCodes, idempotency });
      const { qrCodes: made, replayed } = await upstreams.qrCodes.batchCreateQrCodes(request, { timeoutMs });
      return { items: made.map(toQrCodeResponse), status: 201, headers: replayHeaders(replayed) };
    },
  }),
  route({
    method: "GET",
    path: "/v1/qr-codes/:id",
    operation: "getQrCode",
    summary: "Read a QR code by id or slug",
    reference: {
      description: "Answers 304 if `If-None-Match` has the code's `ETag`.",
      data: qrCodeResponse,
      status: 200,
      failures: ["NOT_FOUND"],
      example: {},
    },
    params: idParams,
    query: noQuery,
    body: noBody,
    async handle({ accountId, params, ifNoneMatch, upstreams, timeoutMs }) {
      const qrCode = await upstreams.getQrCode(accountId, params.id, { timeoutMs });
      if (!qrCode) throw noSuchCode();
      return unlessMatched(ifNoneMatch, qrCode.etag, toQrCodeResponse(qrCode));
    },
  }),
  route({
    method: "PATCH",
    path: "/v1/qr-codes/:id",
    operation: "updateQrCode",
    summary: "Change, archive or restore a QR code",
    reference: {
      description:
        "What is not given stays; null clears an optional field. What was read can be sent back: read-only fields are ignored where they are unchanged. The next scan on every edge follows the edit once this has returned. With `If-Match` only the revision that was read is changed. A code that the operator took down cannot be changed.",
      data: qrCodeResponse,
      status: 200,
      failures: [
        ...(["INVALID_PAYLOAD", "FORBIDDEN", "NOT_FOUND", "PROJECT_NOT_FOUND"] as const),
        ...(["RESOURCE_ARCHIVED", "CODE_LIMIT_REACHED", "PRECONDITION_FAILED"] as const),
      ],
      example: { body: { redirect_url: "https://example.com/menu/winter", style: { caption: "Our menu" } } },
    },
    params: idParams,
    query: noQuery,
    body: updateQrCode,
    async handle({ accountId, activeCodesMax, params, body, ifMatch, upstreams, timeoutMs }) {
      await readOnly.requireUnchanged(body, async () => {
        const current = await upstreams.getQrCode(accountId, params.id, { timeoutMs });
        if (!current) throw noSuchCode();
        return toQrCodeResponse(current);
      });
      const { qrCode } = await upstreams.qrCodes.updateQrCode(
        omitUndefined({
          accountId,
          activeCodesMax,
          qrCodeId: params.id,
          name: body.name,
          redirectUrl: body.redirect_url,
          projectId: body.project_id === null ? "" : body.project_id,
          style: readStyle(body.style),
          status: body.status && statusNumbers[body.status],
          etag: requiredTag(ifMatch),
        }),
        { timeoutMs },
      );
      return { data: toQrCodeResponse(required(qrCode, "a code")), headers: { etag: quoted(qrCode?.etag) } };
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
      failures: ["INVALID_REQUEST", "INVALID_PAYLOAD", "NOT_FOUND", "RESOURCE_ARCHIVED"],
      example: { query: "format=png&size=512&margin=4&ecc=M" },
    },
    params: idParams,
    query: imageQuery,
    body: noBody,
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
      if (content.length === 0) {
        return {
          status: 304,
          headers: { ...headers, ...notModified(ifNoneMatch, etag), vary: "accept, accept-encoding" },
        };
      }
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
      data: scansResponse,
      status: 200,
      failures: ["NOT_FOUND"],
      example: { query: "interval=day&by=device" },
    },
    params: idParams,
    query: scansQuery,
    body: noBody,
    handle: ({ accountId, params, query, upstreams, timeoutMs, nowMs }) =>
      countScans(upstreams, { accountId, idOrSlug: params.id }, query, { nowMs, wait: { timeoutMs } }),
  }),
];
