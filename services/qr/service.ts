import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampDate, timestampFromDate } from "@bufbuild/protobuf/wkt";
import { CreatedVia, type ProjectSchema, ProjectService } from "../../gen/qrforge/qr/v1/project_pb.ts";
import {
  type QrCodeSchema,
  QrCodeService,
  QrCodeStatus,
  QrCodeType,
  RenderStatus,
} from "../../gen/qrforge/qr/v1/qr_code_pb.ts";
import { ScanService } from "../../gen/qrforge/qr/v1/scan_pb.ts";
import { Failure, refuseFields } from "../../platform/errors.ts";
import { newId, randomBase36 } from "../../platform/ids.ts";
import type { LogEntries, Propagation } from "../../platform/lease/protocol.ts";
import { toPropagation } from "../../platform/lease/service.ts";
import { decodePageToken, encodePageToken, pageSize } from "../../platform/page.ts";
import { type Implementation, implement } from "../../platform/rpc/server.ts";
import { codeIssues, completeStyle, projectIssues } from "./fields.ts";
import { formatSlug, slugPattern } from "./slugs.ts";
import type { CodeRow, NewCode, ProjectRow, Store } from "./store.ts";

const itemsPerCallMax = 1_000;
const pageBounds = { fallback: 20, max: 100 };
/** Attempts at a slug that nobody has; with 36^7 of them, two in a row taken means something else is wrong. */
const slugAttempts = 5;
const idPattern = /^[0-9A-Za-z]{20}$/;
const uuidPattern = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

const statusNames = { [QrCodeStatus.ACTIVE]: "active", [QrCodeStatus.ARCHIVED]: "archived" } as const;
const statusNumbers = { active: QrCodeStatus.ACTIVE, archived: QrCodeStatus.ARCHIVED };

export interface QrDependencies {
  store: Store;
  /** Where short URLs begin, `https://host`, without a slash at the end. */
  shortUrlBase: string;
  /** Resolves when no edge uses what these log entries name any more. */
  propagate(entries: LogEntries): Promise<Propagation>;
  /** Tells edges that a slug has come to exist, which some may remember as unknown for a moment longer. */
  hintSlug(slug: string): void;
}

/** The handlers of qr's services. */
export function createQrService({ store, shortUrlBase, propagate, hintSlug }: QrDependencies): Implementation[] {
  const shortUrl = (slug: string) => `${shortUrlBase}/${slug}`;
  const ensureDefaultProject = (accountId: string) =>
    store.defaultProject(accountId, { projectId: newId(), name: "Default" });

  async function createWithFreeSlug(code: Omit<NewCode, "slug">): Promise<CodeRow> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await store.createCode({ ...code, slug: formatSlug(randomBase36(7)) });
      } catch (error) {
        const taken = error instanceof Failure && error.reason === "CONFLICT";
        if (!taken || attempt === slugAttempts) throw error;
      }
    }
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
      style: { foreground: row.foreground, background: row.background },
      renderStatus: RenderStatus.PENDING,
      scanCount: BigInt(row.scans),
      createTime: timestampFromDate(row.createdAt),
      updateTime: timestampFromDate(row.updatedAt),
      etag: `${row.revision}.${row.scans}`,
    };
  }

  return [
    implement(QrCodeService, {
      async createQrCode(request) {
        const { accountId, name, redirectUrl, slug } = request;
        requireAccount(accountId);
        refuseFields(
          codeIssues(
            { name, redirectUrl, slug: slug === "" ? undefined : slug, style: request.style },
            slug === "" ? undefined : shortUrl(slug),
          ),
        );
        if (request.projectId) await store.requireProject(accountId, validId(request.projectId, "PROJECT_NOT_FOUND"));
        const projectId = request.projectId || (await ensureDefaultProject(accountId));
        const code = { codeId: newId(), accountId, projectId, name, redirectUrl, ...completeStyle(request.style) };
        const row = slug === "" ? await createWithFreeSlug(code) : await store.createCode({ ...code, slug });
        hintSlug(row.slug);
        return { qrCode: toQrCode(row) };
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
        const { accountId, name, redirectUrl, projectId, style } = request;
        requireAccount(accountId);
        const codeId = validId(request.qrCodeId, "NOT_FOUND");
        refuseFields(codeIssues({ name, redirectUrl, style }, undefined));
        if (projectId !== undefined) {
          await store.requireProject(accountId, validId(projectId, "PROJECT_NOT_FOUND"));
        }
        const change = {
          name,
          redirectUrl,
          projectId,
          status: statusNames[request.status as keyof typeof statusNames],
          ...(style && completeStyle(style)),
        };
        const { row, entries } = await store.updateCode(accountId, codeId, change, (current) => {
          const revisions = request.etag.split(",").map((etag) => etag.split(".")[0]);
          if (request.etag !== "" && !revisions.includes(String(current.revision))) {
            throw new Failure("PRECONDITION_FAILED", "The code has changed since it was read. Read it again.");
          }
          refuseFields(codeIssues({ redirectUrl }, shortUrl(current.slug)));
        });
        return { qrCode: toQrCode(row), propagation: toPropagation(await propagate(entries)) };
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
    }),

    implement(ProjectService, {
      async createProject({ accountId, name, description, createdVia }) {
        requireAccount(accountId);
        refuseFields(projectIssues({ name, description }));
        await ensureDefaultProject(accountId);
        const via = createdVia === CreatedVia.DASHBOARD ? ("dashboard" as const) : ("api" as const);
        return {
          project: toProject(
            await store.createProject({ projectId: newId(), accountId, name, description, createdVia: via }),
          ),
        };
      },
      async getProject({ accountId, projectId }) {
        requireAccount(accountId);
        await ensureDefaultProject(accountId);
        return { project: toProject(await store.getProject(accountId, validId(projectId, "NOT_FOUND"))) };
      },
      async listProjects({ accountId, pageSize: asked, pageToken }) {
        requireAccount(accountId);
        await ensureDefaultProject(accountId);
        const page = await store.listProjects(accountId, pageSize(asked, pageBounds), decodePageToken(pageToken));
        return { projects: page.rows.map(toProject), nextPageToken: encodePageToken(page.next) };
      },
    }),

    implement(ScanService, {
      async batchRecordScans({ scans }) {
        requireItems(scans.length, "scans");
        const rows = scans.map(({ scanId, qrCodeId, scanTime }) => {
          if (!uuidPattern.test(scanId)) throw new Failure("INVALID_REQUEST", "scan_id must be a UUID");
          if (!scanTime) throw new Failure("INVALID_REQUEST", "scan_time must be set");
          return { scanId, codeId: validId(qrCodeId, "INVALID_REQUEST"), scannedAt: timestampDate(scanTime) };
        });
        return { recordedCount: await store.recordScans(rows) };
      },
    }),
  ];
}

function requireAccount(accountId: string): void {
  if (!/^[0-9A-Za-z]{1,40}$/.test(accountId)) {
    throw new Failure("INVALID_REQUEST", "account_id must be an account's id");
  }
}

function requireItems(count: number, field: string): void {
  if (count === 0 || count > itemsPerCallMax) {
    throw new Failure("INVALID_REQUEST", `${field} must hold 1 to ${itemsPerCallMax} items`);
  }
}

/** An id that could exist, or the failure that a lookup of it would end in. */
function validId(id: string, reason: "NOT_FOUND" | "PROJECT_NOT_FOUND" | "INVALID_REQUEST"): string {
  if (!idPattern.test(id)) throw new Failure(reason);
  return id;
}

function toProject(row: ProjectRow): MessageInitShape<typeof ProjectSchema> {
  return {
    projectId: row.projectId,
    name: row.name,
    description: row.description,
    isDefault: row.isDefault,
    hasCustomDomain: false,
    createdVia: row.createdVia === "api" ? CreatedVia.API : CreatedVia.DASHBOARD,
    createTime: timestampFromDate(row.createdAt),
    updateTime: timestampFromDate(row.updatedAt),
  };
}
