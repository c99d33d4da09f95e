import { ServiceError } from "../../../platform/errors.ts";
import { cleanStore } from "../../../platform/postgres/errors.ts";
import { type Cursor, type Page, paginate } from "../../../platform/postgres/pagination.ts";
import type { Sql } from "../../../platform/postgres/pool.ts";
import type { Answered, Once } from "../domain/idempotency.ts";
import { doOnce } from "./idempotency.ts";

export interface ProjectRow {
  projectId: string;
  name: string;
  description: string;
  isDefault: boolean;
  createdVia: "api" | "dashboard";
  createdAt: Date;
  updatedAt: Date;
}

/** Default projects that a process remembers at most. */
const rememberedMax = 10_000;

export type ProjectStore = ReturnType<typeof createProjectStore>;

const noSuchProject = () => new ServiceError("NOT_FOUND", "There is no such project.");

/** Projects in Postgres. Each method is one transaction. */
export function createProjectStore(sql: Sql, { newId }: { newId(): string }) {
  const columns = sql`project_id as "projectId", name, description, is_default as "isDefault",
    created_via as "createdVia", created_at as "createdAt", updated_at as "updatedAt"`;

  /** Default projects by account; they never change. */
  const defaultProjects = new Map<string, string>();
  function remember(accountId: string, projectId: string): string {
    if (defaultProjects.size >= rememberedMax) defaultProjects.clear();
    defaultProjects.set(accountId, projectId);
    return projectId;
  }

  return cleanStore({
    /** Returns the id of the account's default project. Creates the project if there is none yet. */
    async ensureDefault(accountId: string): Promise<string> {
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

    /** Creates a project, once if it has an idempotency key. Returns the serialized answer. */
    async create(
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
      return await doOnce(sql, once, async (on) => {
        const [row] = await on<[ProjectRow]>`
          insert into qr.projects (project_id, account_id, name, description, created_via)
          values (${project.projectId}, ${project.accountId}, ${project.name}, ${project.description},
            ${project.createdVia})
          returning ${columns}`;
        return toAnswer(row);
      });
    },

    async get(accountId: string, projectId: string): Promise<ProjectRow> {
      const [row] = await sql<ProjectRow[]>`
        select ${columns} from qr.projects where account_id = ${accountId} and project_id = ${projectId}`;
      if (!row) throw noSuchProject();
      return row;
    },

    /** Changes the given fields of a project. Throws NOT_FOUND if the account has none with this id. */
    async update(
      accountId: string,
      projectId: string,
      { name, description }: { name?: string; description?: string },
    ): Promise<ProjectRow> {
      const [row] = await sql<ProjectRow[]>`
        update qr.projects
        set name = coalesce(${name ?? null}, name), description = coalesce(${description ?? null}, description),
          updated_at = now()
        where account_id = ${accountId} and project_id = ${projectId}
        returning ${columns}`;
      if (!row) throw noSuchProject();
      return row;
    },

    async list(accountId: string, size: number, after: Cursor | undefined): Promise<Page<ProjectRow>> {
      const found = await sql<ProjectRow[]>`
        select ${columns} from qr.projects where account_id = ${accountId}
          ${after ? sql`and (created_at, project_id) < (${after.createdAt}, ${after.id})` : sql``}
        order by created_at desc, project_id desc limit ${size + 1}`;
      return paginate(found, size, (row) => ({ createdAt: row.createdAt, id: row.projectId }));
    },

    /** Throws PROJECT_NOT_FOUND unless all of these are projects of the account. */
    async requireAll(accountId: string, projectIds: string[]): Promise<void> {
      const ids = [...new Set(projectIds)];
      if (ids.length === 0) return;
      const found = await sql`
        select 1 from qr.projects where project_id = any(${ids}::text[]) and account_id = ${accountId}`;
      if (found.length < ids.length) throw new ServiceError("PROJECT_NOT_FOUND");
    },
  });
}
