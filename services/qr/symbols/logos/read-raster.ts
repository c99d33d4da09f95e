import { jpegSignature, readJpeg } from "./jpeg.ts";
import { pngSignature, readPng } from "./png.ts";
import type { RasterFile } from "./raster-file.ts";

/** Returns the picture of a PNG or JPEG; undefined for another type. Throws LogoError if it cannot be drawn. */
export function readRasterFile(file: Buffer): RasterFile | undefined {
  const beginsWith = (signature: Buffer) => file.subarray(0, signature.length).equals(signature);
  if (beginsWith(pngSignature)) return readPng(file);
  return beginsWith(jpegSignature) ? readJpeg(file) : undefined;
}
