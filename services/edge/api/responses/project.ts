import { z } from "zod";
import { CreatedVia, type Project } from "../../../../gen/qrforge/qr/v1/project_pb.ts";
import { examples, id, time, toTime } from "./fields.ts";

export const projectResponse = z
  .object({
    id: id.meta({ description: "Id of the project" }),
    project_id: id.meta({ description: "The same as `id`" }),
    name: z.string().meta({ description: "Name in lists" }),
    description: z.string().meta({ description: "What the project is for; may be empty" }),
    is_default: z.boolean().meta({ description: "Whether codes without a `project_id` go here" }),
    has_custom_domain: z.boolean().meta({ description: "Whether its codes have a domain of their own" }),
    created_via: z.enum(["api", "dashboard"]).meta({ description: "Where it was created" }),
    created_at: time.meta({ description: "When it was created" }),
    updated_at: time.meta({ description: "When it was last changed" }),
  })
  .meta({
    id: "Project",
    description: "A folder for codes",
    examples: [
      {
        id: examples.projectId,
        project_id: examples.projectId,
        name: "Labels",
        description: "On every box",
        is_default: false,
        has_custom_domain: false,
        created_via: "api",
        created_at: examples.time,
        updated_at: examples.time,
      },
    ],
  });

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
