import type { FieldIssue } from "../../../platform/errors.ts";
import { outlineText } from "./caption.ts";
import { drawSymbol } from "./geometry.ts";
import { normaliseLogo } from "./logos/logo.ts";
import { toPdf } from "./pdf.ts";
import { toPng } from "./raster.ts";
import { readabilityIssue } from "./readability.ts";
import type { Format, Logo, SymbolRequest } from "./style.ts";
import { toSvg } from "./svg.ts";

/** Tasks of the drawer's threads, by name. */

export function checkReadability(request: SymbolRequest): Promise<FieldIssue | undefined> {
  return readabilityIssue(request);
}

export async function draw(task: { request: SymbolRequest; format: Format; size: number }): Promise<Uint8Array> {
  const drawing = drawSymbol(task.request, outlineText);
  if (task.format === "pdf") return toPdf(drawing, task.size);
  const svg = toSvg(drawing, task.size);
  return task.format === "svg" ? Buffer.from(svg) : await toPng(svg, task.size);
}

export function readLogo(bytes: Uint8Array): Promise<Logo | { issue: string }> {
  return normaliseLogo(bytes);
}
