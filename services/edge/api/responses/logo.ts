import { z } from "zod";
import type { Logo } from "../../../../gen/qrforge/qr/v1/symbol_pb.ts";
import { count, examples, time, toTime } from "./fields.ts";

const pixels = z.int().meta({ description: "Of the stored picture, in pixels; at most 512" });

export const logoResponse = z
  .object({
    id: z.string().meta({ description: "32 characters of [0-9a-f]; `style.logo` takes it", pattern: "^[0-9a-f]{32}$" }),
    width: pixels,
    height: pixels,
    bytes: count.meta({ description: "Size of the stored PNG, in bytes" }),
    created_at: time.meta({ description: "When it was uploaded" }),
  })
  .meta({
    id: "Logo",
    description: "A picture for the middle of symbols",
    examples: [
      { id: "3f2a9c0e4b7d81653f2a9c0e4b7d8165", width: 512, height: 256, bytes: 9_120, created_at: examples.time },
    ],
  });

/** Converts a logo to the public API's form. */
export function toLogoResponse(logo: Logo): z.output<typeof logoResponse> {
  const { logoId, width, height, bytes, createTime } = logo;
  return { id: logoId, width, height, bytes, created_at: toTime(createTime) };
}
