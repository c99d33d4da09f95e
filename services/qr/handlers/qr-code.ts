import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { limits } from "../../../contracts/limits.ts";
import { formatSlug, slugPattern } from "../../../contracts/slug.ts";
import {
  BatchCreateQrCodesResponseSchema,
  type CreateQrCodeRequest,
  type QrCodeSchema,
  QrCodeService,
  QrCodeStatus,
  QrCodeType,
  RenderStatus,
} from "../../../gen/qrforge/qr/v1/qr_code_pb.ts";
import { type FieldIssue, ServiceError, throwIfFieldIssues } from "../../../platform/errors.ts";
import { newId, randomBase36 } from "../../../platform/ids.ts";
import type { LogEntries, Propagation } from "../../../platform/lease/protocol.ts";
import { toPropagation } from "../../../platform/lease/service.ts";
import { decodePageToken, encodePageToken, pageSize } from "../../../platform/postgres/pagination.ts";
import { type Implementation, implement } from "../../../platform/rpc/server.ts";
import { codeIssues } from "../domain/fields.ts";
import {
  idPattern,
  pageBounds,
  readIdempotency,
  readStyle,
  requireAccount,
  requireItems,
  validId,
  writeStyle,
} from "../domain/requests.ts";
import { type CodeRow, type NewCode, type Once, type Store, slugTaken } from "../store/qr-codes.ts";
import type { Styles } from "../styles.ts";
import { plainStyle } from "../symbols/style.ts";

/** Styles of one batch that are judged at the same time. */
const judgedAtOnce = 20;
/** Times that an edit of a style begins anew because another came between. */
const updateRoundsMax = 5;
/** Attempts at slugs that nobody has; with 36^7 of them, two in a row taken means something else is wrong. */
const slugAttempts = 5;
const statusNames = { [QrCodeStatus.ACTIVE]: "active", [QrCodeStatus.ARCHIVED]: "archived" } as const;
const statusNumbers = { active: QrCodeStatus.ACTIVE, archived: QrCodeStatus.ARCHIVED };

/** A code to create, and whether its slug was asked for. */
type WantedCode = NewCode & { isChosen: boolean };

const newSlug = () => formatSlug(randomBase36(7));

/** Returns an issue for each chosen slug that is taken or stands twice in the batch. */
function slugConflicts(
  codes: WantedCode[],
  taken: Set<string>,
  field: (place: number, name: string) => string,
): FieldIssue[] {
  const chosen = codes.map(({ slug, isChosen }) => (isChosen ? slug : undefined));
  return chosen.flatMap((slug, place) => {
    if (slug === undefined) return [];
    if (taken.has(slug)) return [{ field: field(place, "slug"), issue: "is taken; choose another" }];
    const isDouble = chosen.indexOf(slug) !== chosen.lastIndexOf(slug);
    return isDouble ? [{ field: field(place, "slug"), issue: "is in the batch more than once" }] : [];
  });
}

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
    remainingMs: () => number,
    field: (place: number, name: string) => string,
  ) {
    const issues = requests.flatMap((request, place) => issuesOf(request).map(named(place, field)));
    throwIfFieldIssues(issues);
    const known = once && (await store.findAnswer(once));
    if (known) return { answer: known, replayed: true };

    const projectId = await projectsOf(accountId, requests);
    const caller = { accountId, remainingMs };
    const toNewCode = async (request: CreateQrCodeRequest, place: number): Promise<WantedCode> => {
      const slug = request.slug || newSlug();
      const style = await styles.accept(caller, plainStyle, request.style, slug, (name) => field(place, name));
      return {
        codeId: newId(),
        accountId,
        projectId: request.projectId || projectId,
        name: request.name,
        redirectUrl: request.redirectUrl,
        slug,
        isChosen: request.slug !== "",
        ...style,
      };
    };
    // Logos one after the other, since an account may not have many looked at at once; the rest some at a time.
    const codes: WantedCode[] = [];
    for (const [place, request] of requests.entries()) {
      if (request.style?.logo.length) codes[place] = await toNewCode(request, place);
    }
    for (let from = 0; from < requests.length; from += judgedAtOnce) {
      const some = requests.slice(from, from + judgedAtOnce);
      await Promise.all(
        some.map(async (request, index) => {
          codes[from + index] ??= await toNewCode(request, from + index);
        }),
      );
    }
    // Nobody waits any more, so nothing is begun that nobody would learn of.
    if (remainingMs() <= 0) throw new ServiceError("DEADLINE_EXCEEDED");
    return await createWithFreeSlugs(codes, once, field);
  }

  async function createWithFreeSlugs(
    codes: WantedCode[],
    once: Once | undefined,
    field: (place: number, name: string) => string,
  ) {
    // Nobody can have asked for a random one.
    const chosen = codes.filter(({ isChosen }) => isChosen);
    const random = codes.filter(({ isChosen }) => !isChosen);
    for (let attempt = 1; attempt <= slugAttempts; attempt++) {
      const created = await store.createCodes(codes, once, (made) => {
        const message = create(BatchCreateQrCodesResponseSchema, { qrCodes: made.map(toQrCode) });
        return toBinary(BatchCreateQrCodesResponseSchema, message);
      });
      if (created !== slugTaken) {
        if (!created.replayed) for (const { slug } of chosen) hintSlug(slug);
        return created;
      }
      await throwIfChosenTaken(codes, field);
      for (const code of random) code.slug = newSlug();
    }
    throw new Error("no free slug was found");
  }

  async function throwIfChosenTaken(codes: WantedCode[], field: (place: number, name: string) => string) {
    const taken = new Set(await store.takenSlugs(codes.map(({ slug }) => slug)));
    const fields = slugConflicts(codes, taken, field);
    if (fields.length > 0) throw new ServiceError("CONFLICT", `${fields[0]?.field} ${fields[0]?.issue}`, { fields });
  }

  function issuesOf({ name, redirectUrl, slug, style }: CreateQrCodeRequest): FieldIssue[] {
    const chosen = slug === "" ? undefined : slug;
    return codeIssues({ name, redirectUrl, slug: chosen, style: readStyle(style) }, chosen && shortUrl(chosen));
  }

  /** The default project's id, once every project named is known to be the account's. */
  async function projectsOf(accountId: string, requests: CreateQrCodeRequest[]): Promise<string> {
    const named = requests.map((request) => request.projectId).filter((id) => id !== "");
    await store.requireProjects(
      accountId,
      named.map((id) => validId(id, "PROJECT_NOT_FOUND")),
    );
    const isNeeded = requests.some((request) => request.projectId === "");
    return isNeeded ? await store.ensureDefaultProject(accountId) : "";
  }

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
    async createQrCode(request, { remainingMs }) {
      requireAccount(request.accountId);
      const once = readIdempotency(request.accountId, request.idempotency);
      const field = (_: number, name: string) => name;
      const { answer, replayed } = await createCodes(request.accountId, [request], once, remainingMs, field);
      return { qrCode: fromBinary(BatchCreateQrCodesResponseSchema, answer).qrCodes[0], replayed };
    },

    async batchCreateQrCodes({ accountId, qrCodes, idempotency }, { remainingMs }) {
      requireAccount(accountId);
      requireItems(qrCodes.length, "qr_codes", limits.codesPerBatchMax);
      const once = readIdempotency(accountId, idempotency);
      const field = (place: number, name: string) => `qr_codes.${place}.${name}`;
      const { answer, replayed } = await createCodes(accountId, qrCodes, once, remainingMs, field);
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
        throw new ServiceError("INVALID_REQUEST", `q ${issue}`, { fields: [{ field: "q", issue }] });
      }
      if (projectId) await store.requireProjects(request.accountId, [validId(projectId, "PROJECT_NOT_FOUND")]);
      const status = statusNames[request.status as keyof typeof statusNames];
      const page = await store.listCodes(
        request.accountId,
        { projectId, status, nameContains },
        size,
        decodePageToken(request.pageToken),
      );
      return { qrCodes: page.rows.map(toQrCode), nextPageToken: encodePageToken(page.next) };
    },

    async updateQrCode(request, { remainingMs }) {
      const caller = { accountId: request.accountId, remainingMs };
      const { accountId, name, redirectUrl, projectId } = request;
      requireAccount(accountId);
      const codeId = validId(request.qrCodeId, "NOT_FOUND");
      throwIfFieldIssues(codeIssues({ name, redirectUrl, style: readStyle(request.style) }, undefined));
      if (projectId !== undefined) await store.requireProjects(accountId, [validId(projectId, "PROJECT_NOT_FOUND")]);
      const status = statusNames[request.status as keyof typeof statusNames];
      const change = { name, redirectUrl, projectId, status };
      const check = (current: CodeRow) => {
        const revisions = request.etag.split(",").map((etag) => etag.split(".")[0]);
        if (request.etag !== "" && !revisions.includes(String(current.revision))) {
          throw new ServiceError("PRECONDITION_FAILED", "The code has changed since it was read. Read it again.");
        }
        const isEdit = [name, redirectUrl, projectId, request.style].some((part) => part !== undefined);
        if (isEdit && current.status === "archived" && status !== "active") {
          throw new ServiceError(
            "RESOURCE_ARCHIVED",
            'The code is archived. Restore it first, or with the edit: "status":"active".',
          );
        }
        throwIfFieldIssues(codeIssues({ redirectUrl }, shortUrl(current.slug)));
      };
      for (let round = 0; round < updateRoundsMax; round++) {
        // A style is drawn and read back before the row is locked, from what is there now: if that changes, once more.
        const before = request.style && (await store.findCode(accountId, codeId));
        if (before) check(before);
        const style = before && (await styles.accept(caller, before, request.style, before.slug, (part) => part));
        const updated = await store.updateCode(accountId, codeId, { ...change, ...style }, (current) => {
          check(current);
          return before === undefined || before.revision === current.revision;
        });
        if (!updated) continue;
        return { qrCode: toQrCode(updated.row), propagation: toPropagation(await propagate(updated.entries)) };
      }
      throw new ServiceError("UNAVAILABLE", "Others are editing this code. Try again shortly.", { retryAfterS: 1 });
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
