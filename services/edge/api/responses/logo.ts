import { z } from "zod";
import type { Logo } from "../../../../gen/qrforge/qr/v1/symbol_pb.ts";
import { count, time, toTime } from "./fields.ts";

const pixels = z.int().meta({ description: "Of the stored picture, in pixels; at most 512" });

export const logoResponse = z
  .object({
    id: z.string().meta({ description: "32 characters of [0-9a-f]; `style.logo` takes it", pattern: "^[0-9a-f]{32}$" }),
    width: pixels,
    height: pixels,
    bytes: count.meta({ description: "Size of the stored PNG" }),
    created_at: time,
  })
  .meta({ id: "Logo", description: "A picture for the middle of symbols" });

/** Converts a logo to the public API's form. */
export function toLogoResponse(logo: Logo): z.output<typeof logoResponse> {
  const { logoId, width, height, bytes, createTime } = logo;
  return { id: logoId, width, height, bytes, created_at: toTime(createTime) };
}
