import { z } from "zod";
import { plainStyle } from "../../../../contracts/plain-style.ts";
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
    foreground: z.string().meta({ description: "Colour of the modules, as #rrggbb" }),
    background: z.string().meta({ description: "Colour behind the modules, as #rrggbb" }),
    module_shape: moduleShape.meta({ description: "Shape of the modules" }),
    finder_shape: finderShape.meta({ description: "Shape of the three finder patterns" }),
    logo: z.string().nullable().meta({ description: "Id of the logo in the middle; null for none" }),
    logo_size: z.int().meta({ description: "The logo's longer side, in percent of the symbol's without its margin" }),
    caption: z.string().nullable().meta({ description: "Text in a frame below the symbol; null for none" }),
  })
  .meta({
    id: "Style",
    description: "How the symbol looks",
    examples: [
      {
        foreground: plainStyle.foreground,
        background: plainStyle.background,
        module_shape: "rounded",
        finder_shape: plainStyle.finderShape,
        logo: null,
        logo_size: plainStyle.logoSize,
        caption: null,
      },
    ],
  });

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
