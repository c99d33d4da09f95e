import { isDeepStrictEqual } from "node:util";
import { fromBinary } from "@bufbuild/protobuf";
import { limits } from "../../../contracts/limits.ts";
import { resourceIdPattern } from "../../../contracts/resource-id.ts";
import { slugPattern } from "../../../contracts/slug.ts";
import { textIssue } from "../../../contracts/text.ts";
import {
  BatchCreateQrCodesResponseSchema,
  QrCodeService,
  QrCodeStatus,
  type Style as StyleMessage,
} from "../../../gen/qrforge/qr/v1/qr_code_pb.ts";
import { type AbuseContact, takenDownMessage } from "../../../platform/abuse-contact.ts";
import { ServiceError, throwIfFieldIssues } from "../../../platform/errors.ts";
import type { LogEntries, Propagation } from "../../../platform/lease/protocol.ts";
import { toPropagation } from "../../../platform/lease/service.ts";
import { omitUndefined } from "../../../platform/omit-undefined.ts";
import type { PageTokens } from "../../../platform/postgres/page-tokens.ts";
import { pageSize } from "../../../platform/postgres/pagination.ts";
import { type Implementation, implement } from "../../../platform/rpc/server.ts";
import { changeStyle, codeIssues, toStyle } from "../domain/fields.ts";
import { pageBounds, readIdempotency, readMax, requireAccount, requireItems, validId } from "../domain/requests.ts";
import type { CodeRow } from "../store/qr-codes.ts";
import { type CreateCodesDependencies, createCodeCreation } from "./create-qr-codes.ts";
import { readStatus, toQrCode, toStatus } from "./qr-code-message.ts";
import { readStyle } from "./style-message.ts";

/** Attempts at an edit of a style, when other edits come between. */
const updateRoundsMax = 5;
export interface CodeDependencies extends CreateCodesDependencies {
  /** Resolves when no edge uses what these log entries name any more. */
  propagate(entries: LogEntries): Promise<Propagation>;
  pageTokens: PageTokens;
  /** Where people write about codes that were taken down; undefined if the operator has set nothing. */
  abuseContact: AbuseContact | undefined;
}

/** Returns whether a change, of which undefined leaves a field unchanged, would alter a code. */
function isChanged(
  current: CodeRow,
  fields: Partial<Record<"name" | "redirectUrl" | "projectId", string | undefined>>,
  style: StyleMessage | undefined,
): boolean {
  const before = toStyle(current);
  const isStyled =
    style && (style.logo.length > 0 || !isDeepStrictEqual(changeStyle(before, readStyle(style)), before));
  return isStyled || !isDeepStrictEqual({ ...current, ...omitUndefined(fields) }, current);
}

/** Creates the handlers of QrCodeService. */
export function createCodeService(dependencies: CodeDependencies): Implementation {
  const { codes, projects, styles, isShortUrl, propagate, pageTokens } = dependencies;
  const shortUrl = (slug: string) => dependencies.shortUrl(slug);
  const createCodes = createCodeCreation(dependencies);

  return implement(QrCodeService, {
    async createQrCode(request, { remainingMs }) {
      requireAccount(request.accountId);
      const once = readIdempotency(request.accountId, request.idempotency);
      const field = (_: number, name: string) => name;
      const account = { accountId: request.accountId, activeMax: readMax(request.activeCodesMax) };
      const { answer, replayed } = await createCodes(account, [request], once, remainingMs, field);
      return { qrCode: fromBinary(BatchCreateQrCodesResponseSchema, answer).qrCodes[0], replayed };
    },

    async batchCreateQrCodes({ accountId, qrCodes, idempotency, activeCodesMax }, { remainingMs }) {
      requireAccount(accountId);
      requireItems(qrCodes.length, "qr_codes", limits.codesPerBatchMax);
      const once = readIdempotency(accountId, idempotency);
      const field = (place: number, name: string) => `qr_codes.${place}.${name}`;
      const account = { accountId, activeMax: readMax(activeCodesMax) };
      const { answer, replayed } = await createCodes(account, qrCodes, once, remainingMs, field);
      return { qrCodes: fromBinary(BatchCreateQrCodesResponseSchema, answer).qrCodes, replayed };
    },

    async checkIdempotencyKey({ accountId, idempotency }) {
      requireAccount(accountId);
      const once = readIdempotency(accountId, idempotency);
      if (!once) throw new ServiceError("INVALID_REQUEST", "idempotency must have a key");
      return { isKnown: await dependencies.idempotency.isKnown(once) };
    },

    async batchGetQrCodes({ names }) {
      requireItems(names.length, "names");
      // Names that are neither ids nor slugs need no query.
      const askable = names.filter(({ idOrSlug }) => resourceIdPattern.test(idOrSlug) || slugPattern.test(idOrSlug));
      const rows = askable.length > 0 ? await codes.getAll(askable) : [];
      const byName = new Map<string, CodeRow>();
      for (const row of rows) byName.set(`${row.accountId}/${row.slug}`, row);
      for (const row of rows) byName.set(`${row.accountId}/${row.codeId}`, row);
      return {
        lookups: names.map(({ accountId, idOrSlug }) => {
          const row = byName.get(`${accountId}/${idOrSlug}`);
          return { qrCode: row && toQrCode(row, shortUrl) };
        }),
      };
    },

    async listQrCodes(request) {
      requireAccount(request.accountId);
      const size = pageSize(request.pageSize, pageBounds);
      const { projectId } = request;
      // Names are stored in this form.
      const nameContains = request.nameContains.normalize();
      const issue = textIssue(nameContains, 0, limits.codeNameLengthMax);
      if (issue) throw new ServiceError("INVALID_REQUEST", `q ${issue}`, { fields: [{ field: "q", issue }] });
      if (projectId) await projects.requireAll(request.accountId, [validId(projectId, "PROJECT_NOT_FOUND")]);
      const status = readStatus(request.status);
      const list = ["codes", request.accountId, projectId, status, nameContains];
      const after = await pageTokens.decode(list, request.pageToken);
      const page = await codes.list(request.accountId, { projectId, status, nameContains }, size, after);
      return {
        qrCodes: page.rows.map((row) => toQrCode(row, shortUrl)),
        nextPageToken: await pageTokens.encode(list, page.next),
      };
    },

    async updateQrCode(request, { remainingMs }) {
      const caller = { accountId: request.accountId, remainingMs };
      const { accountId, redirectUrl } = request;
      const name = request.name?.normalize();
      requireAccount(accountId);
      const codeId = validId(request.qrCodeId, "NOT_FOUND");
      throwIfFieldIssues(codeIssues({ name, redirectUrl, style: readStyle(request.style) }, isShortUrl));
      if (request.projectId) await projects.requireAll(accountId, [validId(request.projectId, "PROJECT_NOT_FOUND")]);
      const projectId = request.projectId === "" ? await projects.ensureDefault(accountId) : request.projectId;
      const activeMax = readMax(request.activeCodesMax);
      const status = readStatus(request.status);
      const change = { name, redirectUrl, projectId, status };
      const check = (current: CodeRow) => {
        if (current.takenDownAt) throw new ServiceError("FORBIDDEN", takenDownMessage(dependencies.abuseContact));
        const revisions = request.etag.split(",").map((etag) => etag.split(".")[0]);
        if (request.etag !== "" && !revisions.includes(String(current.revision))) {
          throw new ServiceError("PRECONDITION_FAILED", "The code has changed since it was read. Read it again.");
        }
        const isEdit = isChanged(current, { name, redirectUrl, projectId }, request.style);
        if (isEdit && current.status === "archived" && status !== "active") {
          throw new ServiceError(
            "RESOURCE_ARCHIVED",
            'The code is archived. Restore it first, or with the edit: "status":"active".',
          );
        }
      };
      for (let round = 0; round < updateRoundsMax; round++) {
        // The style is checked before the row is locked, against the revision read here; if that has changed, once more.
        const before = request.style && (await codes.find(accountId, codeId));
        if (before) check(before);
        const style = before && (await styles.resolveStyle(caller, before, request.style, before.slug, (part) => part));
        const updated = await codes.update({ accountId, codeId, activeMax }, { ...change, ...style }, (current) => {
          check(current);
          return before === undefined || before.revision === current.revision;
        });
        if (!updated) continue;
        return {
          qrCode: toQrCode(updated.row, shortUrl),
          propagation: toPropagation(await propagate(updated.entries)),
        };
      }
      throw new ServiceError("UNAVAILABLE", "Others are editing this code. Try again shortly.", { retryAfterS: 1 });
    },

    async countActiveQrCodes({ accountId }) {
      requireAccount(accountId);
      return { count: BigInt(await codes.countActive(accountId)) };
    },

    async batchResolveSlugs({ slugs }) {
      requireItems(slugs.length, "slugs");
      const askable = slugs.filter((slug) => slugPattern.test(slug));
      const rows = askable.length > 0 ? await codes.resolveSlugs(askable) : [];
      const bySlug = new Map(rows.map((row) => [row.slug, row]));
      return {
        resolutions: slugs.map((slug) => {
          const row = bySlug.get(slug);
          if (!row) return { status: QrCodeStatus.UNSPECIFIED };
          const redirectUrl = row.status === "active" ? row.redirectUrl : "";
          const { codeId: qrCodeId, accountId, accountDisabled, takenDown } = row;
          return { status: toStatus(row.status), qrCodeId, redirectUrl, accountId, accountDisabled, takenDown };
        }),
      };
    },
  });
}
