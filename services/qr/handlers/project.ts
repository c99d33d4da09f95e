import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import {
  CreatedVia,
  CreateProjectResponseSchema,
  type ProjectSchema,
  ProjectService,
} from "../../../gen/qrforge/qr/v1/project_pb.ts";
import { throwIfFieldIssues } from "../../../platform/errors.ts";
import { newId } from "../../../platform/ids.ts";
import { omitUndefined } from "../../../platform/omit-undefined.ts";
import type { PageTokens } from "../../../platform/postgres/page-tokens.ts";
import { pageSize } from "../../../platform/postgres/pagination.ts";
import { type Implementation, implement } from "../../../platform/rpc/server.ts";
import { projectIssues } from "../domain/fields.ts";
import { pageBounds, readIdempotency, requireAccount, validId } from "../domain/requests.ts";
import type { ProjectRow, ProjectStore } from "../store/projects.ts";

/** Creates the handlers of ProjectService. */
export function createProjectService(options: { projects: ProjectStore; pageTokens: PageTokens }): Implementation {
  const { projects, pageTokens } = options;
  return implement(ProjectService, {
    async createProject({ accountId, name, description, createdVia, idempotency }) {
      requireAccount(accountId);
      const texts = { name: name.normalize(), description: description.normalize() };
      throwIfFieldIssues(projectIssues(texts));
      await projects.ensureDefault(accountId);
      const via = createdVia === CreatedVia.DASHBOARD ? ("dashboard" as const) : ("api" as const);
      const project = { projectId: newId(), accountId, ...texts, createdVia: via };
      const { answer, replayed } = await projects.create(project, readIdempotency(accountId, idempotency), (row) =>
        toBinary(CreateProjectResponseSchema, create(CreateProjectResponseSchema, { project: toProject(row) })),
      );
      return { ...fromBinary(CreateProjectResponseSchema, answer), replayed };
    },
    async getProject({ accountId, projectId }) {
      requireAccount(accountId);
      await projects.ensureDefault(accountId);
      return { project: toProject(await projects.get(accountId, validId(projectId, "NOT_FOUND"))) };
    },
    async updateProject({ accountId, projectId, name, description }) {
      requireAccount(accountId);
      const change = omitUndefined({ name: name?.normalize(), description: description?.normalize() });
      throwIfFieldIssues(projectIssues(change));
      await projects.ensureDefault(accountId);
      return { project: toProject(await projects.update(accountId, validId(projectId, "NOT_FOUND"), change)) };
    },
    async listProjects({ accountId, pageSize: requestedSize, pageToken }) {
      requireAccount(accountId);
      await projects.ensureDefault(accountId);
      const list = ["projects", accountId];
      const after = await pageTokens.decode(list, pageToken);
      const page = await projects.list(accountId, pageSize(requestedSize, pageBounds), after);
      return { projects: page.rows.map(toProject), nextPageToken: await pageTokens.encode(list, page.next) };
    },
  });
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
