import { z } from "zod";

/** Schema of the error envelope. */
export const errorResponse = z
  .object({
    ok: z.literal(false).meta({ description: "Whether the request succeeded" }),
    version: z.string().meta({ description: "Version of the API" }),
    request_id: z.string().meta({ description: "Id of the request, also in `x-request-id`" }),
    code: z.string().meta({ description: "What went wrong, for programs" }),
    message: z.string().meta({ description: "What went wrong and what to change, for people; the text may change" }),
    details: z
      .array(
        z
          .object({
            field: z.string().meta({ description: "Path of the field, such as `style.caption`" }),
            issue: z.string().meta({ description: "What is wrong with it" }),
          })
          .meta({ id: "FieldIssue", description: "An invalid field" }),
      )
      .exactOptional()
      .meta({ description: "The invalid fields, if any" }),
  })
  .meta({ id: "Error", description: "A rejected or failed request" });
