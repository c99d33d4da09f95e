import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import {
  BatchCreateQrCodesResponseSchema,
  type CreateQrCodeRequest,
  type QrCodeSchema,
  QrCodeService,
  QrCodeStatus,
  QrCodeType,
  RenderStatus,
} from "../../gen/qrforge/qr/v1/qr_code_pb.ts";
import { Failure, type FieldIssue, refuseFields } from "../../platform/errors.ts";
import { newId, randomBase36 } from "../../platform/ids.ts";
import type { LogEntries, Propagation } from "../../platform/lease/protocol.ts";
import { toPropagation } from "../../platform/lease/service.ts";
import { decodePageToken, encodePageToken, pageSize } from "../../platform/page.ts";
import { type Implementation, implement } from "../../platform/rpc/server.ts";
import { codeIssues } from "./fields.ts";
import {
  idPattern,
  pageBounds,
  readIdempotency,
  readStyle,
  requireAccount,
  requireItems,
  validId,
  writeStyle,
} from "./requests.ts";
import { formatSlug, slugPattern } from "./slugs.ts";
import { type CodeRow, type NewCode, type Once, type Store, slugTaken } from "./store.ts";
import type { Styles } from "./styles.ts";
import { plainStyle } from "./symbols/style.ts";

const batchMax = 100;
/** Attempts at slugs that nobody has; with 36^7 of them, two in a row taken means something else is wrong. */
const slugAttempts = 5;
const statusNames = { [QrCodeStatus.ACTIVE]: "active", [QrCodeStatus.ARCHIVED]: "archived" } as const;
const statusNumbers = { active: QrCodeStatus.ACTIVE, archived: QrCodeStatus.ARCHIVED };

export interface CodeDependencies {
  store: Store;
  styles: Styles;
  /** Where a slug is scanned, `https://host/slug`. */
  shortUrl(slug: string): string;
  /** Resolves when no edge uses what these log entries name any more. */
  propagate(entries: LogEntries): Promise<Propagation>;
  /** Tells edges that a slug has come to exist, which some may remember as unknown for a moment longer. */
  hintSlug(slug: string): void;
}

/** The handlers of QrCodeService. */
export function createCodeService({ store, styles, shortUrl, propagate, hintSlug }: CodeDependencies): Implementation {
  /** Creates codes, all or none. `field` names a field of the code with this place in the request. */
  async function createCodes(
    accountId: string,
    requests: CreateQrCodeRequest[],
    once: Once | undefined,
    field: (place: number, name: string) => string,
  ) {
    const issues = requests.flatMap((request, place) => issuesOf(request).map(named(place, field)));
    refuseFields(issues);
    const known = once && (await store.findAnswer(once));
    if (known) return { answer: known, replayed: true };

    const projectId = await projectsOf(accountId, requests);
    const codes: (Omit<NewCode, "slug"> & { wanted: string })[] = [];
    for (const [place, request] of requests.entries()) {
      const style = await styles.accept(accountId, plainStyle, request.style, urlLike(request.slug), (name) =>
        field(place, name),
      );
      codes.push({
        codeId: newId(),
        accountId,
        projectId: request.projectId || projectId,
        name: request.name,
        redirectUrl: request.redirectUrl,
        wanted: request.slug,
        ...style,
      });
    }
    return await createWithFreeSlugs(codes, once, field);
  }

  async function createWithFreeSlugs(
    codes: (Omit<NewCode, "slug"> & { wanted: string })[],
    once: Once | undefined,
    field: (place: number, name: string) => string,
  ) {
    for (let attempt = 1; ; attempt++) {
      const rows = codes.map(({ wanted, ...code }) => ({ ...code, slug: wanted || formatSlug(randomBase36(7)) }));
      const created = await store.createCodes(rows, once, (made) => {
        const message = create(BatchCreateQrCodesResponseSchema, { qrCodes: made.map(toQrCode) });
        return toBinary(BatchCreateQrCodesResponseSchema, message);
      });
      if (created !== slugTaken) {
        // Nobody can have asked for a random one.
        if (!created.replayed) for (const { wanted } of codes) if (wanted) hintSlug(wanted);
        return created;
      }
      const taken = new Set(await store.takenSlugs(codes.map(({ wanted }) => wanted)));
      const again = codes.map(({ wanted }) => wanted).filter((slug, place, all) => slug && all.indexOf(slug) < place);
      const fields = codes.flatMap(({ wanted }, place) => {
        if (taken.has(wanted)) return [{ field: field(place, "slug"), issue: "is taken; choose another" }];
        if (again.includes(wanted)) return [{ field: field(place, "slug"), issue: "is in the batch more than once" }];
        return [];
      });
      if (fields.length > 0) throw new Failure("CONFLICT", `${fields[0]?.field} ${fields[0]?.issue}`, { fields });
      if (attempt === slugAttempts) throw new Error("no free slug was found");
    }
  }

  function issuesOf({ name, redirectUrl, slug, style }: CreateQrCodeRequest): FieldIssue[] {
    const chosen = slug === "" ? undefined : slug;
    return codeIssues({ name, redirectUrl, slug: chosen, style: readStyle(style) }, chosen && shortUrl(chosen));
  }

  /** The default project's id, once every project named is known to be the account's. */
  async function projectsOf(accountId: string, requests: CreateQrCodeRequest[]): Promise<string> {
    const named = new Set(requests.map((request) => request.projectId).filter((id) => id !== ""));
    for (const id of named) await store.requireProject(accountId, validId(id, "PROJECT_NOT_FOUND"));
    const isNeeded = requests.some((request) => request.projectId === "");
    return isNeeded ? await store.ensureDefaultProject(accountId) : "";
  }

  /** A URL as long as the code's will be. */
  const urlLike = (slug: string) => shortUrl("0".repeat((slug || formatSlug("0000000")).length));

  function toQrCode(row: CodeRow): MessageInitShape<typeof QrCodeSchema> {
    return {
      qrCodeId: row.codeId,
      accountId: row.accountId,
      projectId: row.projectId,
      name: row.name,
      slug: row.slug,
      shortUrl: shortUrl(row.slug),
      status: statusNumbers[row.status],
      type: QrCodeType.URL,
      redirectUrl: row.redirectUrl,
      style: writeStyle(row),
      renderStatus: row.renderedAt ? RenderStatus.READY : RenderStatus.PENDING,
      lastRenderTime: row.renderedAt ? timestampFromDate(row.renderedAt) : undefined,
      scanCount: BigInt(row.scans),
      createTime: timestampFromDate(row.createdAt),
      updateTime: timestampFromDate(row.updatedAt),
      etag: `${row.revision}.${row.scans}`,
    };
  }

  return implement(QrCodeService, {
    async createQrCode(request) {
      requireAccount(request.accountId);
      const once = readIdempotency(request.accountId, request.idempotency);
      const { answer, replayed } = await createCodes(request.accountId, [request], once, (_, name) => name);
      return { qrCode: fromBinary(BatchCreateQrCodesResponseSchema, answer).qrCodes[0], replayed };
    },

    async batchCreateQrCodes({ accountId, qrCodes, idempotency }) {
      requireAccount(accountId);
      requireItems(qrCodes.length, "qr_codes", batchMax);
      const once = readIdempotency(accountId, idempotency);
      const field = (place: number, name: string) => `qr_codes.${place}.${name}`;
      const { answer, replayed } = await createCodes(accountId, qrCodes, once, field);
      return { qrCodes: fromBinary(BatchCreateQrCodesResponseSchema, answer).qrCodes, replayed };
    },

    async batchGetQrCodes({ names }) {
      requireItems(names.length, "names");
      // What is neither an id nor a slug names nothing, and is not worth asking the database about.
      const askable = names.filter(({ idOrSlug }) => idPattern.test(idOrSlug) || slugPattern.test(idOrSlug));
      const rows = askable.length > 0 ? await store.getCodes(askable) : [];
      const byName = new Map<string, CodeRow>();
      for (const row of rows) byName.set(`${row.accountId}/${row.slug}`, row);
      for (const row of rows) byName.set(`${row.accountId}/${row.codeId}`, row);
      return {
        lookups: names.map(({ accountId, idOrSlug }) => {
          const row = byName.get(`${accountId}/${idOrSlug}`);
          return { qrCode: row && toQrCode(row) };
        }),
      };
    },

    async listQrCodes(request) {
      requireAccount(request.accountId);
      const size = pageSize(request.pageSize, pageBounds);
      const { projectId, nameContains } = request;
      if (nameContains.length > 200 || nameContains.includes("\0") || !nameContains.isWellFormed()) {
        const issue = "must have at most 200 characters, none of them NUL";
        throw new Failure("INVALID_REQUEST", `q ${issue}`, { fields: [{ field: "q", issue }] });
      }
      if (projectId) await store.requireProject(request.accountId, validId(projectId, "PROJECT_NOT_FOUND"));
      const status = statusNames[request.status as keyof typeof statusNames];
      const page = await store.listCodes(
        request.accountId,
        { projectId, status, nameContains },
        size,
        decodePageToken(request.pageToken),
      );
      return { qrCodes: page.rows.map(toQrCode), nextPageToken: encodePageToken(page.next) };
    },

    async updateQrCode(request) {
      const { accountId, name, redirectUrl, projectId } = request;
      requireAccount(accountId);
      const codeId = validId(request.qrCodeId, "NOT_FOUND");
      refuseFields(codeIssues({ name, redirectUrl, style: readStyle(request.style) }, undefined));
      if (projectId !== undefined) await store.requireProject(accountId, validId(projectId, "PROJECT_NOT_FOUND"));
      const status = statusNames[request.status as keyof typeof statusNames];
      const change = { name, redirectUrl, projectId, status };
      for (;;) {
        // A style is drawn and read back before the row is locked, from what is there now: if that changes, once more.
        const before = request.style && (await store.findCode(accountId, codeId));
        const style =
          before && (await styles.accept(accountId, before, request.style, urlLike(before.slug), (part) => part));
        const updated = await store.updateCode(accountId, codeId, { ...change, ...style }, (current) => {
          const revisions = request.etag.split(",").map((etag) => etag.split(".")[0]);
          if (request.etag !== "" && !revisions.includes(String(current.revision))) {
            throw new Failure("PRECONDITION_FAILED", "The code has changed since it was read. Read it again.");
          }
          refuseFields(codeIssues({ redirectUrl }, shortUrl(current.slug)));
          return before === undefined || before.revision === current.revision;
        });
        if (!updated) continue;
        return { qrCode: toQrCode(updated.row), propagation: toPropagation(await propagate(updated.entries)) };
      }
    },

    async batchResolveSlugs({ slugs }) {
      requireItems(slugs.length, "slugs");
      const askable = slugs.filter((slug) => slugPattern.test(slug));
      const rows = askable.length > 0 ? await store.resolveSlugs(askable) : [];
      const bySlug = new Map(rows.map((row) => [row.slug, row]));
      return {
        resolutions: slugs.map((slug) => {
          const row = bySlug.get(slug);
          if (!row) return { status: QrCodeStatus.UNSPECIFIED };
          const redirectUrl = row.status === "active" ? row.redirectUrl : "";
          return { status: statusNumbers[row.status], qrCodeId: row.codeId, redirectUrl };
        }),
      };
    },
  });
}

function named(place: number, field: (place: number, name: string) => string) {
  return (issue: FieldIssue): FieldIssue => ({ ...issue, field: field(place, issue.field) });
}
