import { z } from "zod";

/** Schema of the error envelope. */
export const errorResponse = z
  .object({
    ok: z.literal(false),
    version: z.string(),
    request_id: z.string(),
    code: z.string(),
    message: z.string(),
    details: z.array(z.object({ field: z.string(), issue: z.string() })).exactOptional(),
  })
  .meta({ id: "Failure", description: "A refusal or a failure" });
