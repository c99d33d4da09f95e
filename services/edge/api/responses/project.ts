import { z } from "zod";
import { CreatedVia, type Project } from "../../../../gen/qrforge/qr/v1/project_pb.ts";
import { id, time, toTime } from "./fields.ts";

export const projectResponse = z
  .object({
    id,
    project_id: id.meta({ description: "The same as `id`" }),
    name: z.string(),
    description: z.string(),
    is_default: z.boolean(),
    has_custom_domain: z.boolean(),
    created_via: z.enum(["api", "dashboard"]),
    created_at: time,
    updated_at: time,
  })
  .meta({ id: "Project", description: "A folder for codes" });

/** Converts a project to the public API's form. */
export function toProjectResponse(project: Project): z.output<typeof projectResponse> {
  return {
    id: project.projectId,
    project_id: project.projectId,
    name: project.name,
    description: project.description,
    is_default: project.isDefault,
    has_custom_domain: project.hasCustomDomain,
    created_via: project.createdVia === CreatedVia.API ? "api" : "dashboard",
    created_at: toTime(project.createTime),
    updated_at: toTime(project.updateTime),
  };
}
