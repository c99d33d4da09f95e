import { ServiceError } from "../../../platform/errors.ts";
import { appendToLog } from "../../../platform/lease/log-store.ts";
import { omitUndefined } from "../../../platform/omit-undefined.ts";
import { cleanStore, violates } from "../../../platform/postgres/errors.ts";
import { type Cursor, type Page, paginate } from "../../../platform/postgres/pagination.ts";
import type { Sql, Tx } from "../../../platform/postgres/pool.ts";
import type { Answered, Once } from "../domain/idempotency.ts";
import type { Style } from "../symbols/style.ts";
import { activeCodes, addActiveCodes, codeLimitReached } from "./code-counts.ts";
import { doOnce } from "./idempotency.ts";

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
  /** When the operator took it down; null if it is not taken down. */
  takenDownAt: Date | null;
  createdAt: Date;
  updatedAt: Date;
}

export interface SlugRow {
  slug: string;
  codeId: string;
  accountId: string;
  status: CodeRow["status"];
  redirectUrl: string;
  takenDown: boolean;
  accountDisabled: boolean;
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

/** What an update sets; undefined leaves a column unchanged. */
export interface CodeChange extends Partial<Style> {
  name?: string | undefined;
  redirectUrl?: string | undefined;
  projectId?: string | undefined;
  status?: CodeRow["status"] | undefined;
}

/** Returned when nothing was created because a slug is taken. */
export const slugTaken = Symbol("slug taken");

/** Ends the transaction of a creation whose slugs are taken. */
class SlugTakenError extends Error {}

async function takenSlugs(on: Sql | Tx, slugs: string[]): Promise<string[]> {
  const rows = await on<{ slug: string }[]>`select slug from qr.codes where slug = any(${slugs}::text[])`;
  return rows.map(({ slug }) => slug);
}

/** Columns that an update may change. */
const changeable = [
  ...([
    "name",
    "redirectUrl",
    "projectId",
    "status",
    "foreground",
    "background",
    "moduleShape",
    "finderShape",
  ] as const),
  ...(["logoId", "logoSize", "caption"] as const),
] as const;

export type CodeStore = ReturnType<typeof createCodeStore>;

/** Returns the columns of a CodeRow, of the table `qr.codes c`. */
export function codeColumns(sql: Sql) {
  return sql`c.code_id as "codeId", c.account_id as "accountId", c.project_id as "projectId", c.name, c.slug,
    c.status, c.redirect_url as "redirectUrl", c.foreground, c.background, c.module_shape as "moduleShape",
    c.finder_shape as "finderShape", c.logo_id as "logoId", c.logo_size as "logoSize", c.caption,
    c.rendered_at as "renderedAt", c.taken_down_at as "takenDownAt", c.revision,
    c.created_at as "createdAt", c.updated_at as "updatedAt",
    (select coalesce(sum(d.scans), 0)::bigint from qr.scan_days d where d.code_id = c.code_id) as scans`;
}

/** QR codes in Postgres. Each method is one transaction. */
export function createCodeStore(sql: Sql) {
  const columns = codeColumns(sql);

  return cleanStore({
    /**
     * Creates codes of an account, all or none, once if there is an idempotency key. Returns the serialized answer. Throws
     * CODE_LIMIT_REACHED if more than `activeMax` codes would be active; 0 is unlimited.
     */
    async create(
      { accountId, codes, activeMax }: { accountId: string; codes: NewCode[]; activeMax: number },
      once: Once | undefined,
      toAnswer: (rows: CodeRow[]) => Uint8Array,
    ): Promise<Answered | typeof slugTaken> {
      const column = <K extends keyof NewCode>(name: K) => codes.map((code) => code[name]);
      try {
        return await doOnce(sql, once, async (on) => {
          const rows = await on<CodeRow[]>`
            with counted as (
              insert into qr.code_counts as n (account_id, active)
              select ${accountId}, ${codes.length}::bigint
              where (${activeMax}::bigint = 0 or ${codes.length}::bigint <= ${activeMax}::bigint)
                -- Looked at first: a violation of the constraint is quoted in the database's log. Slug by slug, each in the
                -- index: a plan that was made while the table was small would read all of it for a list of slugs.
                and not exists (
                  select 1 from unnest(${column("slug")}::text[]) as wanted (slug)
                  where (select t.code_id from qr.codes t where t.slug = wanted.slug) is not null)
              on conflict (account_id) do update set active = n.active + excluded.active
              where ${activeMax}::bigint = 0 or n.active + excluded.active <= ${activeMax}::bigint
              returning 1
            )
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
            where exists (select from counted)
            -- In one order, so that two that want the same slugs do not wait for each other.
            order by slug
            returning ${columns}`;
          if (rows.length === 0 && (await takenSlugs(on, column("slug"))).length > 0) throw new SlugTakenError();
          if (rows.length === 0) throw codeLimitReached({ active: await activeCodes(on, accountId), max: activeMax });
          const byId = new Map(rows.map((row) => [row.codeId, row]));
          return toAnswer(codes.flatMap(({ codeId }) => byId.get(codeId) ?? []));
        });
      } catch (error) {
        if (error instanceof SlugTakenError || violates(error, "codes_slug_unique")) return slugTaken;
        throw error;
      }
    },

    /** Returns those of these slugs that are taken. */
    takenSlugs: (slugs: string[]) => takenSlugs(sql, slugs),

    /** Returns a code. Throws NOT_FOUND if the account has none with this id. */
    async find(accountId: string, codeId: string): Promise<CodeRow> {
      const [row] = await sql<CodeRow[]>`
        select ${columns} from qr.codes c where c.account_id = ${accountId} and c.code_id = ${codeId}`;
      if (!row) throw new ServiceError("NOT_FOUND", "There is no such QR code.");
      return row;
    },

    /** Returns the codes with these ids or slugs, in any order; an unknown name has no row. */
    async getAll(names: { accountId: string; idOrSlug: string }[]): Promise<CodeRow[]> {
      const accountIds = names.map((name) => name.accountId);
      const idsOrSlugs = names.map((name) => name.idOrSlug);
      return await sql<CodeRow[]>`
        with named as (
          select distinct * from unnest(${accountIds}::text[], ${idsOrSlugs}::text[]) as n (account_id, id_or_slug)
        )
        select ${columns} from named n join qr.codes c on c.code_id = n.id_or_slug and c.account_id = n.account_id
        union
        select ${columns} from named n join qr.codes c on c.slug = n.id_or_slug and c.account_id = n.account_id`;
    },

    /** Lists the codes of an account that match a filter, newest first. */
    async list(accountId: string, filter: CodeFilter, size: number, after: Cursor | undefined): Promise<Page<CodeRow>> {
      const pattern = `%${filter.nameContains.replace(/[\\%_]/g, "\\$&")}%`;
      const found = await sql<CodeRow[]>`
        select ${columns} from qr.codes c where c.account_id = ${accountId}
          ${filter.projectId ? sql`and c.project_id = ${filter.projectId}` : sql``}
          ${filter.status ? sql`and c.status = ${filter.status}` : sql``}
          ${filter.nameContains ? sql`and c.name ilike ${pattern}` : sql``}
          ${after ? sql`and (c.created_at, c.code_id) < (${after.createdAt}, ${after.id})` : sql``}
        order by c.created_at desc, c.code_id desc limit ${size + 1}`;
      return paginate(found, size, (row) => ({ createdAt: row.createdAt, id: row.codeId }));
    },

    /**
     * Changes a code. `check` is given the locked row, so that it decides on the current revision: it may throw, or return
     * false, and then the code is not changed and undefined is returned. Throws CODE_LIMIT_REACHED if more than `activeMax`
     * codes would be active; 0 is unlimited.
     */
    async update(
      { accountId, codeId, activeMax }: { accountId: string; codeId: string; activeMax: number },
      change: CodeChange,
      check: (current: CodeRow) => boolean,
    ) {
      return await sql.begin(async (tx) => {
        const active = change.status === undefined ? 0 : await addActiveCodes(tx, accountId, 0);
        const [current] = await tx<CodeRow[]>`
          select ${columns} from qr.codes c where c.account_id = ${accountId} and c.code_id = ${codeId} for no key update`;
        if (!current) throw new ServiceError("NOT_FOUND", "There is no such QR code.");
        if (!check(current)) return undefined;
        const next = { ...current, ...omitUndefined(change) };
        const added = Number(next.status === "active") - Number(current.status === "active");
        if (added > 0 && activeMax > 0 && active >= activeMax) throw codeLimitReached({ active, max: activeMax });
        if (added !== 0) await addActiveCodes(tx, accountId, added);
        const changed = changeable.some((name) => next[name] !== current[name]);
        // Logged even if nothing changed: a caller that repeats a call whose answer was lost waits for the same promise.
        if (!changed) return { row: current, entries: await appendToLog(tx, "qr", [current.slug]) };
        const [row] = await tx<[CodeRow]>`
          update qr.codes as c set name = ${next.name}, redirect_url = ${next.redirectUrl},
            project_id = ${next.projectId}, status = ${next.status}, foreground = ${next.foreground},
            background = ${next.background}, module_shape = ${next.moduleShape}, finder_shape = ${next.finderShape},
            logo_id = ${next.logoId}, logo_size = ${next.logoSize}, caption = ${next.caption},
            rendered_at = case when ${change.foreground !== undefined} then date_trunc('milliseconds', now())
              else rendered_at end,
            revision = revision + 1, updated_at = date_trunc('milliseconds', now())
          where c.code_id = ${codeId} returning ${columns}`;
        return { row, entries: await appendToLog(tx, "qr", [row.slug]) };
      });
    },

    /** Returns an account's number of active codes. */
    countActive: (accountId: string): Promise<number> => activeCodes(sql, accountId),

    /** Returns where these slugs lead, in any order; an unknown slug has no row. */
    async resolveSlugs(slugs: string[]): Promise<SlugRow[]> {
      return await sql<SlugRow[]>`
        select c.slug, c.code_id as "codeId", c.account_id as "accountId", c.status, c.redirect_url as "redirectUrl",
          c.taken_down_at is not null as "takenDown", coalesce(a.disabled, false) as "accountDisabled"
        from unnest(${slugs}::text[]) as wanted (slug)
          -- Slug by slug, each in the index, as in create; the offset keeps the planner from joining the whole table.
          cross join lateral (select * from qr.codes where codes.slug = wanted.slug offset 0) as c
          left join qr.account_states a using (account_id)`;
    },
  });
}
