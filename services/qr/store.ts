import { Failure } from "../../platform/errors.ts";
import { appendToLog } from "../../platform/lease/sql-store.ts";
import { type Page, type Position, toPage } from "../../platform/page.ts";
import { cleanStore, type Sql, violates } from "../../platform/sql.ts";
import type { Style } from "./fields.ts";

export interface ProjectRow {
  projectId: string;
  name: string;
  description: string;
  isDefault: boolean;
  createdVia: "api" | "dashboard";
  createdAt: Date;
  updatedAt: Date;
}

export interface CodeRow extends Style {
  codeId: string;
  accountId: string;
  projectId: string;
  name: string;
  slug: string;
  status: "active" | "archived";
  redirectUrl: string;
  revision: number;
  scans: number;
  createdAt: Date;
  updatedAt: Date;
}

export interface SlugRow {
  slug: string;
  codeId: string;
  status: CodeRow["status"];
  redirectUrl: string;
}

export interface NewCode extends Style {
  codeId: string;
  accountId: string;
  projectId: string;
  name: string;
  slug: string;
  redirectUrl: string;
}

export interface CodeFilter {
  projectId: string;
  status: CodeRow["status"] | undefined;
  nameContains: string;
}

/** What an update sets; undefined leaves a column alone. */
export interface CodeChange extends Partial<Style> {
  name?: string | undefined;
  redirectUrl?: string | undefined;
  projectId?: string | undefined;
  status?: CodeRow["status"] | undefined;
}

export interface ScanRow {
  scanId: string;
  codeId: string;
  scannedAt: Date;
}

export type Store = ReturnType<typeof createStore>;

/** Codes, projects and scans in Postgres. Each method is one transaction. */
export function createStore(sql: Sql) {
  const projectColumns = sql`project_id as "projectId", name, description, is_default as "isDefault",
    created_via as "createdVia", created_at as "createdAt", updated_at as "updatedAt"`;
  const codeColumns = sql`c.code_id as "codeId", c.account_id as "accountId", c.project_id as "projectId", c.name, c.slug,
    c.status, c.redirect_url as "redirectUrl", c.foreground, c.background, c.revision,
    c.created_at as "createdAt", c.updated_at as "updatedAt",
    (select coalesce(sum(d.scans), 0)::bigint from qr.scan_days d where d.code_id = c.code_id) as scans`;

  async function requireProject(accountId: string, projectId: string): Promise<void> {
    const found = await sql`select 1 from qr.projects where project_id = ${projectId} and account_id = ${accountId}`;
    if (found.length === 0) throw new Failure("PROJECT_NOT_FOUND");
  }

  return cleanStore({
    /** The id of the account's default project, which is made of `fresh` if there is none yet. */
    async defaultProject(accountId: string, fresh: { projectId: string; name: string }): Promise<string> {
      const find = sql<{ projectId: string }[]>`
        select project_id as "projectId" from qr.projects where account_id = ${accountId} and is_default`;
      const [existing] = await find;
      if (existing) return existing.projectId;
      await sql`
        insert into qr.projects (project_id, account_id, name, is_default, created_via, created_at)
        values (${fresh.projectId}, ${accountId}, ${fresh.name}, true, 'dashboard',
          -- just before whatever called for it, so that it is the oldest
          date_trunc('milliseconds', now()) - interval '1 millisecond')
        on conflict (account_id) where is_default do nothing`;
      const [made] = await sql<[{ projectId: string }]>`
        select project_id as "projectId" from qr.projects where account_id = ${accountId} and is_default`;
      return made.projectId;
    },

    async createProject(project: {
      projectId: string;
      accountId: string;
      name: string;
      description: string;
      createdVia: ProjectRow["createdVia"];
    }): Promise<ProjectRow> {
      const [row] = await sql<[ProjectRow]>`
        insert into qr.projects (project_id, account_id, name, description, created_via)
        values (${project.projectId}, ${project.accountId}, ${project.name}, ${project.description},
          ${project.createdVia})
        returning ${projectColumns}`;
      return row;
    },

    async getProject(accountId: string, projectId: string): Promise<ProjectRow> {
      const [row] = await sql<ProjectRow[]>`
        select ${projectColumns} from qr.projects where account_id = ${accountId} and project_id = ${projectId}`;
      if (!row) throw new Failure("NOT_FOUND", "There is no such project.");
      return row;
    },

    async listProjects(accountId: string, size: number, after: Position | undefined): Promise<Page<ProjectRow>> {
      const found = await sql<ProjectRow[]>`
        select ${projectColumns} from qr.projects where account_id = ${accountId}
          ${after ? sql`and (created_at, project_id) < (${after.createdAt}, ${after.id})` : sql``}
        order by created_at desc, project_id desc limit ${size + 1}`;
      return toPage(found, size, (row) => ({ createdAt: row.createdAt, id: row.projectId }));
    },

    requireProject,

    /** Fails with CONFLICT if the slug is taken. */
    async createCode(code: NewCode): Promise<CodeRow> {
      try {
        const [row] = await sql<[CodeRow]>`
          insert into qr.codes as c
            (code_id, account_id, project_id, name, slug, redirect_url, foreground, background)
          values (${code.codeId}, ${code.accountId}, ${code.projectId}, ${code.name}, ${code.slug},
            ${code.redirectUrl}, ${code.foreground}, ${code.background})
          returning ${codeColumns}`;
        return row;
      } catch (error) {
        if (violates(error, "codes_slug_unique")) {
          const issue = "is taken; choose another";
          throw new Failure("CONFLICT", `slug ${issue}`, { fields: [{ field: "slug", issue }], cause: error });
        }
        throw error;
      }
    },

    /** The codes of these names, in any order; those that are not there are missing. */
    async getCodes(names: { accountId: string; idOrSlug: string }[]): Promise<CodeRow[]> {
      const accountIds = names.map((name) => name.accountId);
      const idsOrSlugs = names.map((name) => name.idOrSlug);
      return await sql<CodeRow[]>`
        with named as (
          select distinct * from unnest(${accountIds}::text[], ${idsOrSlugs}::text[]) as n (account_id, id_or_slug)
        )
        select ${codeColumns} from named n join qr.codes c on c.code_id = n.id_or_slug and c.account_id = n.account_id
        union
        select ${codeColumns} from named n join qr.codes c on c.slug = n.id_or_slug and c.account_id = n.account_id`;
    },

    async listCodes(
      accountId: string,
      filter: CodeFilter,
      size: number,
      after: Position | undefined,
    ): Promise<Page<CodeRow>> {
      const pattern = `%${filter.nameContains.replace(/[\\%_]/g, "\\$&")}%`;
      const found = await sql<CodeRow[]>`
        select ${codeColumns} from qr.codes c where c.account_id = ${accountId}
          ${filter.projectId ? sql`and c.project_id = ${filter.projectId}` : sql``}
          ${filter.status ? sql`and c.status = ${filter.status}` : sql``}
          ${filter.nameContains ? sql`and c.name ilike ${pattern}` : sql``}
          ${after ? sql`and (c.created_at, c.code_id) < (${after.createdAt}, ${after.id})` : sql``}
        order by c.created_at desc, c.code_id desc limit ${size + 1}`;
      return toPage(found, size, (row) => ({ createdAt: row.createdAt, id: row.codeId }));
    },

    /**
     * Changes a code. `check` sees the row, locked, and may refuse; it is handed what is there so that no decision is
     * made on a revision that has passed.
     */
    async updateCode(accountId: string, codeId: string, change: CodeChange, check: (current: CodeRow) => void) {
      return await sql.begin(async (tx) => {
        const [current] = await tx<CodeRow[]>`
          select ${codeColumns} from qr.codes c where c.account_id = ${accountId} and c.code_id = ${codeId} for update`;
        if (!current) throw new Failure("NOT_FOUND", "There is no such QR code.");
        check(current);
        const next = { ...current, ...defined(change) };
        const changed = Object.keys(change).some(
          (name) => next[name as keyof CodeRow] !== current[name as keyof CodeRow],
        );
        // Logged also if nothing changed: who asks again after a lost answer waits for the same promise.
        if (!changed) return { row: current, entries: await appendToLog(tx, "qr", [current.slug]) };
        const [row] = await tx<[CodeRow]>`
          update qr.codes as c set name = ${next.name}, redirect_url = ${next.redirectUrl},
            project_id = ${next.projectId}, status = ${next.status}, foreground = ${next.foreground},
            background = ${next.background}, revision = revision + 1,
            updated_at = date_trunc('milliseconds', now())
          where c.code_id = ${codeId} returning ${codeColumns}`;
        return { row, entries: await appendToLog(tx, "qr", [row.slug]) };
      });
    },

    /** Where these slugs lead, in any order; unknown ones are missing. */
    async resolveSlugs(slugs: string[]): Promise<SlugRow[]> {
      return await sql<SlugRow[]>`
        select slug, code_id as "codeId", status, redirect_url as "redirectUrl"
        from qr.codes where slug = any(${slugs}::text[])`;
    },

    /** Stores scans and their counts; those stored before, and those of codes that do not exist, change nothing. */
    async recordScans(scans: ScanRow[]): Promise<number> {
      const [{ recorded }] = await sql<[{ recorded: number }]>`
        with fresh as (
          insert into qr.scans (scan_id, code_id, scanned_at)
          select s.scan_id, s.code_id, s.scanned_at
          from unnest(${scans.map((scan) => scan.scanId)}::uuid[], ${scans.map((scan) => scan.codeId)}::text[],
            ${scans.map((scan) => scan.scannedAt.toISOString())}::timestamptz[]) as s (scan_id, code_id, scanned_at)
          join qr.codes c on c.code_id = s.code_id
          order by s.scan_id
          on conflict do nothing
          returning code_id, scanned_at
        ), hours as (
          insert into qr.scan_hours as h (code_id, hour, scans)
          select code_id, date_trunc('hour', scanned_at, 'UTC'), count(*) from fresh group by 1, 2 order by 1, 2
          on conflict (code_id, hour) do update set scans = h.scans + excluded.scans
        ), days as (
          insert into qr.scan_days as d (code_id, day, scans)
          select code_id, (scanned_at at time zone 'UTC')::date, count(*) from fresh group by 1, 2 order by 1, 2
          on conflict (code_id, day) do update set scans = d.scans + excluded.scans
        )
        select count(*) as recorded from fresh`;
      return recorded;
    },
  });
}

/** An object without the properties that are undefined. */
function defined<T extends object>(object: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as never;
}
