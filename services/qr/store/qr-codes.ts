import { ServiceError } from "../../../platform/errors.ts";
import { appendToLog } from "../../../platform/lease/log-store.ts";
import { cleanStore, violates } from "../../../platform/postgres/errors.ts";
import { type Cursor, type Page, paginate } from "../../../platform/postgres/pagination.ts";
import type { Sql, Tx } from "../../../platform/postgres/pool.ts";
import type { Logo, Style } from "../symbols/style.ts";

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
  /** When its symbol was last drawn and read back. */
  renderedAt: Date | null;
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

/** A request that is to be done once, however often it is sent. */
export interface Once {
  accountId: string;
  key: string;
  /** SHA-256 of the request. */
  requestHash: Uint8Array;
}

/** An answer, and whether it is that of an earlier request. */
export interface Answered {
  answer: Uint8Array;
  replayed: boolean;
}

/** Nothing was created: a slug is taken. */
export const slugTaken = Symbol("slug taken");

/** Default projects that a process remembers at most. */
const rememberedMax = 10_000;

/** Bytes of logos that one account may keep. */
const logoBytesMax = 32 * 1_048_576;
/** Maximum number of rows that one statement of the retention job deletes. */
const deletedRowsMax = 10_000;

/** Hours for which an answer to a request with an idempotency key is kept. */
const keptHours = 24;

export type Store = ReturnType<typeof createStore>;

/** Codes, projects and logos in Postgres. Each method is one transaction. */
export function createStore(sql: Sql, { newId }: { newId(): string }) {
  const projectColumns = sql`project_id as "projectId", name, description, is_default as "isDefault",
    created_via as "createdVia", created_at as "createdAt", updated_at as "updatedAt"`;
  const codeColumns = sql`c.code_id as "codeId", c.account_id as "accountId", c.project_id as "projectId", c.name, c.slug,
    c.status, c.redirect_url as "redirectUrl", c.foreground, c.background, c.module_shape as "moduleShape",
    c.finder_shape as "finderShape", c.logo_id as "logoId", c.logo_size as "logoSize", c.caption,
    c.rendered_at as "renderedAt", c.revision,
    c.created_at as "createdAt", c.updated_at as "updatedAt",
    (select coalesce(sum(d.scans), 0)::bigint from qr.scan_days d where d.code_id = c.code_id) as scans`;

  /** Fails with PROJECT_NOT_FOUND unless all of these are projects of the account. */
  async function requireProjects(accountId: string, projectIds: string[]): Promise<void> {
    const ids = [...new Set(projectIds)];
    if (ids.length === 0) return;
    const found = await sql`
      select 1 from qr.projects where project_id = any(${ids}::text[]) and account_id = ${accountId}`;
    if (found.length < ids.length) throw new ServiceError("PROJECT_NOT_FOUND");
  }

  /** Default projects by account; they never change. */
  const defaultProjects = new Map<string, string>();
  function remember(accountId: string, projectId: string): string {
    if (defaultProjects.size >= rememberedMax) defaultProjects.clear();
    defaultProjects.set(accountId, projectId);
    return projectId;
  }

  /** What was answered under a key before; undefined if nothing, and then the key is this transaction's to use. */
  async function claimKey(tx: Tx, { accountId, key, requestHash }: Once): Promise<Uint8Array | undefined> {
    const [claim] = await tx<[{ free: boolean }]>`
      select pg_try_advisory_xact_lock(hashtextextended(${`idempotency ${accountId} ${key}`}, 0)) as free`;
    const known = await findAnswer(tx, { accountId, key, requestHash });
    if (known || claim.free) return known;
    const message = "The first request with this Idempotency-Key is still running.";
    throw new ServiceError("CONFLICT", message, { retryAfterS: 1 });
  }

  /** What was answered to a request before. Fails with CONFLICT if the key was another request's. */
  async function findAnswer(on: Sql | Tx, { accountId, key, requestHash }: Once): Promise<Uint8Array | undefined> {
    const [known] = await on<{ requestHash: Buffer; answer: Buffer }[]>`
      select request_hash as "requestHash", answer from qr.idempotency_keys
      where account_id = ${accountId} and key = ${key} and created_at > now() - ${keptHours} * interval '1 hour'`;
    if (known && !known.requestHash.equals(requestHash)) {
      throw new ServiceError("CONFLICT", "This Idempotency-Key was used for another request.");
    }
    return known?.answer;
  }

  /** Does something, or finds what was answered when it was done; what is answered is stored in the same commit. */
  async function doOnce(once: Once | undefined, work: (on: Sql | Tx) => Promise<Uint8Array>): Promise<Answered> {
    if (!once) return { answer: await work(sql), replayed: false };
    return await sql.begin(async (tx) => {
      const known = await claimKey(tx, once);
      if (known) return { answer: known, replayed: true };
      const answer = await work(tx);
      await tx`
        insert into qr.idempotency_keys (account_id, key, request_hash, answer)
        values (${once.accountId}, ${once.key}, ${Buffer.from(once.requestHash)}, ${Buffer.from(answer)})
        on conflict (account_id, key) do update set
          request_hash = excluded.request_hash, answer = excluded.answer, created_at = now()`;
      return { answer, replayed: false };
    });
  }

  return cleanStore({
    /** The id of the account's default project, which is made if there is none yet. */
    async ensureDefaultProject(accountId: string): Promise<string> {
      const find = () => sql<{ projectId: string }[]>`
        select project_id as "projectId" from qr.projects where account_id = ${accountId} and is_default`;
      const known = defaultProjects.get(accountId);
      if (known) return known;
      const [existing] = await find();
      if (existing) return remember(accountId, existing.projectId);
      await sql`
        insert into qr.projects (project_id, account_id, name, is_default, created_via, created_at)
        values (${newId()}, ${accountId}, 'Default', true, 'dashboard',
          -- just before whatever called for it, so that it is the oldest
          date_trunc('milliseconds', now()) - interval '1 millisecond')
        on conflict (account_id) where is_default do nothing`;
      const [made] = await find();
      if (!made) throw new Error("a default project was neither there nor made");
      return remember(accountId, made.projectId);
    },

    async createProject(
      project: {
        projectId: string;
        accountId: string;
        name: string;
        description: string;
        createdVia: ProjectRow["createdVia"];
      },
      once: Once | undefined,
      toAnswer: (row: ProjectRow) => Uint8Array,
    ): Promise<Answered> {
      return await doOnce(once, async (on) => {
        const [row] = await on<[ProjectRow]>`
          insert into qr.projects (project_id, account_id, name, description, created_via)
          values (${project.projectId}, ${project.accountId}, ${project.name}, ${project.description},
            ${project.createdVia})
          returning ${projectColumns}`;
        return toAnswer(row);
      });
    },

    async getProject(accountId: string, projectId: string): Promise<ProjectRow> {
      const [row] = await sql<ProjectRow[]>`
        select ${projectColumns} from qr.projects where account_id = ${accountId} and project_id = ${projectId}`;
      if (!row) throw new ServiceError("NOT_FOUND", "There is no such project.");
      return row;
    },

    async listProjects(accountId: string, size: number, after: Cursor | undefined): Promise<Page<ProjectRow>> {
      const found = await sql<ProjectRow[]>`
        select ${projectColumns} from qr.projects where account_id = ${accountId}
          ${after ? sql`and (created_at, project_id) < (${after.createdAt}, ${after.id})` : sql``}
        order by created_at desc, project_id desc limit ${size + 1}`;
      return paginate(found, size, (row) => ({ createdAt: row.createdAt, id: row.projectId }));
    },

    requireProjects,

    /** Creates codes, all or none. What is answered is stored with them, if the request is to be done once. */
    async createCodes(
      codes: NewCode[],
      once: Once | undefined,
      toAnswer: (rows: CodeRow[]) => Uint8Array,
    ): Promise<Answered | typeof slugTaken> {
      const column = <K extends keyof NewCode>(name: K) => codes.map((code) => code[name]);
      try {
        return await doOnce(once, async (on) => {
          const rows = await on<CodeRow[]>`
            insert into qr.codes as c (code_id, account_id, project_id, name, slug, redirect_url, foreground, background,
              module_shape, finder_shape, logo_id, logo_size, caption, rendered_at)
            select *, date_trunc('milliseconds', now()) from unnest(
              ${column("codeId")}::text[], ${column("accountId")}::text[], ${column("projectId")}::text[],
              ${column("name")}::text[], ${column("slug")}::text[], ${column("redirectUrl")}::text[],
              ${column("foreground")}::text[], ${column("background")}::text[], ${column("moduleShape")}::text[],
              ${column("finderShape")}::text[], ${column("logoId")}::text[], ${column("logoSize")}::int[],
              ${column("caption")}::text[])
              as code (code_id, account_id, project_id, name, slug, redirect_url, foreground, background, module_shape,
                finder_shape, logo_id, logo_size, caption)
            -- In one order, so that two that want the same slugs do not wait for each other.
            order by slug
            returning ${codeColumns}`;
          const byId = new Map(rows.map((row) => [row.codeId, row]));
          return toAnswer(codes.map(({ codeId }) => byId.get(codeId) as CodeRow));
        });
      } catch (error) {
        if (violates(error, "codes_slug_unique")) return slugTaken;
        throw error;
      }
    },

    /** Those of these slugs that a code has. */
    async takenSlugs(slugs: string[]): Promise<string[]> {
      const rows = await sql<{ slug: string }[]>`select slug from qr.codes where slug = any(${slugs}::text[])`;
      return rows.map(({ slug }) => slug);
    },

    /** What was answered to a request before. Fails with CONFLICT if the key was another request's. */
    findAnswer: (once: Once): Promise<Uint8Array | undefined> => findAnswer(sql, once),

    /** Removes answers that are older than clients may rely on, and logos that no code has; tells whether there may be more. */
    async deleteExpired(): Promise<boolean> {
      const answers = await sql`
        delete from qr.idempotency_keys where (account_id, key) in (
          select account_id, key from qr.idempotency_keys
          where created_at < now() - ${keptHours} * interval '1 hour' limit ${deletedRowsMax} for update skip locked)`;
      const logos = await sql`
        delete from qr.logos where (account_id, logo_id) in (
          select account_id, logo_id from qr.logos l
          where named_at < now() - interval '1 day' and not exists (
            select 1 from qr.codes c where c.account_id = l.account_id and c.logo_id = l.logo_id and c.logo_id <> '')
          limit ${deletedRowsMax} for update skip locked)`;
      return answers.count === deletedRowsMax || logos.count === deletedRowsMax;
    },

    /** Keeps a logo; tells whether there was room for it. */
    async putLogo(accountId: string, logoId: string, { png, width, height }: Logo): Promise<boolean> {
      const kept = await sql`
        insert into qr.logos (account_id, logo_id, png, width, height)
        select ${accountId}, ${logoId}, ${Buffer.from(png)}::bytea, ${width}, ${height}
        where exists (select 1 from qr.logos where account_id = ${accountId} and logo_id = ${logoId})
          or (select coalesce(sum(octet_length(png)), 0) from qr.logos where account_id = ${accountId}) < ${logoBytesMax}
        on conflict (account_id, logo_id) do update set named_at = now()
        returning 1`;
      return kept.length > 0;
    },

    async getLogo(accountId: string, logoId: string): Promise<Logo | undefined> {
      const [logo] = await sql<Logo[]>`
        select png, width, height from qr.logos where account_id = ${accountId} and logo_id = ${logoId}`;
      return logo;
    },

    /** A logo that somebody names; one that is named is not removed for a day. */
    async nameLogo(accountId: string, logoId: string): Promise<Logo | undefined> {
      const [logo] = await sql<Logo[]>`
        update qr.logos set named_at = now() where account_id = ${accountId} and logo_id = ${logoId}
        returning png, width, height`;
      return logo;
    },

    /** One code. Fails with NOT_FOUND if the account has none of this id. */
    async findCode(accountId: string, codeId: string): Promise<CodeRow> {
      const [row] = await sql<CodeRow[]>`
        select ${codeColumns} from qr.codes c where c.account_id = ${accountId} and c.code_id = ${codeId}`;
      if (!row) throw new ServiceError("NOT_FOUND", "There is no such QR code.");
      return row;
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
      after: Cursor | undefined,
    ): Promise<Page<CodeRow>> {
      const pattern = `%${filter.nameContains.replace(/[\\%_]/g, "\\$&")}%`;
      const found = await sql<CodeRow[]>`
        select ${codeColumns} from qr.codes c where c.account_id = ${accountId}
          ${filter.projectId ? sql`and c.project_id = ${filter.projectId}` : sql``}
          ${filter.status ? sql`and c.status = ${filter.status}` : sql``}
          ${filter.nameContains ? sql`and c.name ilike ${pattern}` : sql``}
          ${after ? sql`and (c.created_at, c.code_id) < (${after.createdAt}, ${after.id})` : sql``}
        order by c.created_at desc, c.code_id desc limit ${size + 1}`;
      return paginate(found, size, (row) => ({ createdAt: row.createdAt, id: row.codeId }));
    },

    /**
     * Changes a code. `check` sees the row, locked, and may refuse, or answer false to leave it and be answered undefined; it is
     * handed what is there so that no decision is made on a revision that has passed.
     */
    async updateCode(accountId: string, codeId: string, change: CodeChange, check: (current: CodeRow) => boolean) {
      return await sql.begin(async (tx) => {
        const [current] = await tx<CodeRow[]>`
          select ${codeColumns} from qr.codes c where c.account_id = ${accountId} and c.code_id = ${codeId} for no key update`;
        if (!current) throw new ServiceError("NOT_FOUND", "There is no such QR code.");
        if (!check(current)) return undefined;
        const next = { ...current, ...defined(change) };
        const changed = Object.keys(change).some(
          (name) => next[name as keyof CodeRow] !== current[name as keyof CodeRow],
        );
        // Logged also if nothing changed: who asks again after a lost answer waits for the same promise.
        if (!changed) return { row: current, entries: await appendToLog(tx, "qr", [current.slug]) };
        const [row] = await tx<[CodeRow]>`
          update qr.codes as c set name = ${next.name}, redirect_url = ${next.redirectUrl},
            project_id = ${next.projectId}, status = ${next.status}, foreground = ${next.foreground},
            background = ${next.background}, module_shape = ${next.moduleShape}, finder_shape = ${next.finderShape},
            logo_id = ${next.logoId}, logo_size = ${next.logoSize}, caption = ${next.caption},
            rendered_at = case when ${change.foreground !== undefined} then date_trunc('milliseconds', now())
              else rendered_at end,
            revision = revision + 1, updated_at = date_trunc('milliseconds', now())
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
  });
}

/** An object without the properties that are undefined. */
function defined<T extends object>(object: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as never;
}
