import type { MessageInitShape } from "@bufbuild/protobuf";
import type { Idempotency } from "../../../gen/qrforge/qr/v1/idempotency_pb.ts";
import {
  FinderShape,
  ModuleShape,
  type Style as StyleMessage,
  type StyleSchema,
} from "../../../gen/qrforge/qr/v1/qr_code_pb.ts";
import { ServiceError } from "../../../platform/errors.ts";
import type { Once } from "../store/qr-codes.ts";
import type { FinderShape as FinderName, ModuleShape as ModuleName, Style } from "../symbols/style.ts";

export const itemsPerCallMax = 1_000;
export const pageBounds = { fallback: 20, max: 100 };
export const idPattern = /^[0-9A-Za-z]{20}$/;

export function requireAccount(accountId: string): void {
  if (!/^[0-9A-Za-z]{1,40}$/.test(accountId)) {
    throw new ServiceError("INVALID_REQUEST", "account_id must be an account's id");
  }
}

export function requireItems(count: number, field: string, max = itemsPerCallMax): void {
  if (count === 0 || count > max) throw new ServiceError("INVALID_REQUEST", `${field} must hold 1 to ${max} items`);
}

/** An id that could exist, or the failure that a lookup of it would end in. */
export function validId(id: string, reason: "NOT_FOUND" | "PROJECT_NOT_FOUND" | "INVALID_REQUEST"): string {
  if (!idPattern.test(id)) throw new ServiceError(reason);
  return id;
}

/** Under which key a request is to be done once; undefined for as often as it is sent. */
export function readIdempotency(accountId: string, idempotency: Idempotency | undefined): Once | undefined {
  if (!idempotency?.key) return undefined;
  const { key, requestHash } = idempotency;
  if (!/^[\x21-\x7e]{1,255}$/.test(key)) {
    throw new ServiceError("INVALID_REQUEST", "Idempotency-Key must have 1 to 255 visible ASCII characters.");
  }
  if (requestHash.length !== 32) throw new ServiceError("INVALID_REQUEST", "request_hash must be 32 bytes");
  return { accountId, key, requestHash };
}

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

/** The parts of a style that a request sets. */
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

export function writeStyle(style: Style): MessageInitShape<typeof StyleSchema> {
  return {
    foreground: style.foreground,
    background: style.background,
    moduleShape: ModuleShape[style.moduleShape.toUpperCase() as "SQUARE"],
    finderShape: FinderShape[style.finderShape.toUpperCase() as "SQUARE"],
    logoId: style.logoId,
    logoSize: style.logoSize,
    caption: style.caption,
  };
}
