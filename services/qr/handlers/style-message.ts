import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  FinderShape,
  ModuleShape,
  type Style as StyleMessage,
  type StyleSchema,
} from "../../../gen/qrforge/qr/v1/qr_code_pb.ts";
import { ServiceError } from "../../../platform/errors.ts";
import type { FinderShape as FinderName, ModuleShape as ModuleName, Style } from "../symbols/style.ts";

const moduleShapes: Record<ModuleShape, ModuleName | undefined> = {
  [ModuleShape.UNSPECIFIED]: undefined,
  [ModuleShape.SQUARE]: "square",
  [ModuleShape.DOT]: "dot",
  [ModuleShape.ROUNDED]: "rounded",
};
const finderShapes: Record<FinderShape, FinderName | undefined> = {
  [FinderShape.UNSPECIFIED]: undefined,
  [FinderShape.SQUARE]: "square",
  [FinderShape.ROUNDED]: "rounded",
  [FinderShape.CIRCLE]: "circle",
};
const moduleNumbers: Record<ModuleName, ModuleShape> = {
  square: ModuleShape.SQUARE,
  dot: ModuleShape.DOT,
  rounded: ModuleShape.ROUNDED,
};
const finderNumbers: Record<FinderName, FinderShape> = {
  square: FinderShape.SQUARE,
  rounded: FinderShape.ROUNDED,
  circle: FinderShape.CIRCLE,
};

/** Returns the parts of a style that a request sets. */
export function readStyle(message: StyleMessage | undefined): Partial<Style> {
  if (!message) return {};
  return {
    ...(message.foreground && { foreground: message.foreground }),
    ...(message.background && { background: message.background }),
    ...(message.moduleShape && { moduleShape: known(moduleShapes, message.moduleShape, "module_shape") }),
    ...(message.finderShape && { finderShape: known(finderShapes, message.finderShape, "finder_shape") }),
    ...(message.logoId !== undefined && { logoId: message.logoId }),
    ...(message.logoSize && { logoSize: message.logoSize }),
    ...(message.caption !== undefined && { caption: message.caption }),
  };
}

function known<T>(values: Record<number, T | undefined>, value: number, field: string): T {
  const found = values[value];
  if (found === undefined) throw new ServiceError("INVALID_REQUEST", `style.${field} has no value ${value}`);
  return found;
}

/** Returns a style as the protos have it. */
export function writeStyle(style: Style): MessageInitShape<typeof StyleSchema> {
  return {
    foreground: style.foreground,
    background: style.background,
    moduleShape: moduleNumbers[style.moduleShape],
    finderShape: finderNumbers[style.finderShape],
    logoId: style.logoId,
    logoSize: style.logoSize,
    caption: style.caption,
  };
}
