import { z } from "zod";
import { FinderShape, ModuleShape, type Style } from "../../../../gen/qrforge/qr/v1/qr_code_pb.ts";
import { wordOf } from "./fields.ts";

export const moduleShape = z.enum(["square", "dot", "rounded"]);
export const finderShape = z.enum(["square", "rounded", "circle"]);

/** Maps the public API's words to the enum numbers of the services' contract. */
export const moduleShapeNumbers = {
  square: ModuleShape.SQUARE,
  dot: ModuleShape.DOT,
  rounded: ModuleShape.ROUNDED,
};
export const finderShapeNumbers = {
  square: FinderShape.SQUARE,
  rounded: FinderShape.ROUNDED,
  circle: FinderShape.CIRCLE,
};

export const styleResponse = z
  .object({
    foreground: z.string(),
    background: z.string(),
    module_shape: moduleShape,
    finder_shape: finderShape,
    logo: z.string().nullable().meta({ description: "The id of a logo of the account" }),
    logo_size: z.int().meta({ description: "The logo's longer side in percent of the symbol's" }),
    caption: z.string().nullable(),
  })
  .meta({ id: "Style", description: "How the symbol looks" });

/** Converts a style to the public API's form. */
export function toStyleResponse(style: Style): z.output<typeof styleResponse> {
  return {
    foreground: style.foreground,
    background: style.background,
    module_shape: wordOf(moduleShape.options, moduleShapeNumbers, style.moduleShape),
    finder_shape: wordOf(finderShape.options, finderShapeNumbers, style.finderShape),
    logo: style.logoId || null,
    logo_size: style.logoSize,
    caption: style.caption || null,
  };
}
