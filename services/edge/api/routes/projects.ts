import { limits } from "../../../../contracts/limits.ts";
import { omitUndefined } from "../../../../platform/omit-undefined.ts";
import { replayHeaders } from "../idempotency.ts";
import { readOnlyFields } from "../read-only.ts";
import { bodyOf, idParams, listQuery, nameOf, noBody, noParams, noQuery, queryOf, textOf } from "../requests.ts";
import { required } from "../responses/fields.ts";
import { projectResponse, toProjectResponse } from "../responses/project.ts";
import { type Route, route } from "../route.ts";

const readOnly = readOnlyFields(
  ["id", "project_id", "is_default", "has_custom_domain", "created_via", "created_at"],
  ["updated_at"],
);

const projectName = nameOf(limits.projectNameLengthMax).meta({ description: "Name in lists" });
const projectDescription = textOf(limits.projectDescriptionLengthMax)
  .nullish()
  .meta({ description: "What the project is for" });

export const projectRoutes: Route[] = [
  route({
    method: "GET",
    path: "/v1/projects",
    operation: "listProjects",
    summary: "List projects, newest first",
    reference: {
      description: "An account is born with one default project.",
      data: projectResponse,
      isList: true,
      status: 200,
      failures: [],
      example: { query: "page_size=20" },
    },
    params: noParams,
    query: queryOf(listQuery),
    body: noBody,
    async handle({ accountId, query, upstreams, timeoutMs }) {
      const page = await upstreams.projects.listProjects(
        omitUndefined({ accountId, pageSize: query.page_size, pageToken: query.next_page_token }),
        { timeoutMs },
      );
      return { items: page.projects.map(toProjectResponse), nextPageToken: page.nextPageToken };
    },
  }),
  route({
    method: "POST",
    path: "/v1/projects",
    operation: "createProject",
    summary: "Create a project",
    reference: {
      description: "A folder for codes.",
      data: projectResponse,
      status: 201,
      failures: ["INVALID_PAYLOAD"],
      example: { body: { name: "Labels", description: "On every box" } },
    },
    params: noParams,
    query: noQuery,
    body: bodyOf({ name: projectName, description: projectDescription }).meta({
      id: "NewProject",
      description: "A project to create",
    }),
    async handle({ accountId, createdVia, body, idempotency, upstreams, timeoutMs }) {
      const { project, replayed } = await upstreams.projects.createProject(
        omitUndefined({
          accountId,
          name: body.name,
          description: body.description ?? undefined,
          createdVia,
          idempotency,
        }),
        { timeoutMs },
      );
      const data = toProjectResponse(required(project, "a project"));
      return { data, status: 201, headers: { location: `/v1/projects/${data.id}`, ...replayHeaders(replayed) } };
    },
  }),
  route({
    method: "GET",
    path: "/v1/projects/:id",
    operation: "getProject",
    summary: "Read a project",
    reference: {
      description: "One project of the account.",
      data: projectResponse,
      status: 200,
      failures: ["NOT_FOUND"],
      example: {},
    },
    params: idParams,
    query: noQuery,
    body: noBody,
    async handle({ accountId, params, upstreams, timeoutMs }) {
      const { project } = await upstreams.projects.getProject({ accountId, projectId: params.id }, { timeoutMs });
      return { data: toProjectResponse(required(project, "a project")) };
    },
  }),
  route({
    method: "PATCH",
    path: "/v1/projects/:id",
    operation: "updateProject",
    summary: "Change a project",
    reference: {
      description:
        "What is not given stays; null clears the description. Read-only fields are ignored where they are unchanged. The default project can be renamed, too.",
      data: projectResponse,
      status: 200,
      failures: ["INVALID_PAYLOAD", "NOT_FOUND"],
      example: { body: { name: "Labels 2026" } },
    },
    params: idParams,
    query: noQuery,
    body: bodyOf({
      ...readOnly.shape,
      name: projectName.optional(),
      description: projectDescription,
    }).meta({ id: "ProjectChange", description: "A change of a project: what is left out stays" }),
    async handle({ accountId, params, body, upstreams, timeoutMs }) {
      await readOnly.requireUnchanged(body, async () => {
        const { project } = await upstreams.projects.getProject({ accountId, projectId: params.id }, { timeoutMs });
        return toProjectResponse(required(project, "a project"));
      });
      const description = body.description === null ? "" : body.description;
      const change = omitUndefined({ name: body.name, description });
      const request = { accountId, projectId: params.id, ...change };
      const { project } = await upstreams.projects.updateProject(request, { timeoutMs });
      return { data: toProjectResponse(required(project, "a project")) };
    },
  }),
];
