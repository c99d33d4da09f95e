import { LogoError } from "./logo-error.ts";

/** A PNG or JPEG reduced to what its picture is made of: no metadata, nothing after its end. */
export interface RasterFile {
  type: "image/png" | "image/jpeg";
  bytes: Buffer;
  /** Size in pixels as it is stored, before it is turned. */
  width: number;
  height: number;
  /** How it must be turned, 1 to 8, as EXIF numbers it; 1 for not at all. */
  orientation: number;
}

/** Maximum number of pixels, since a small file can unpack to very many. */
const pixelsMax = 4_096 * 4_096;
export const cutOff = "is cut off before its end; send the whole file";
export const damaged = "is damaged; open it in an image editor and save it as a PNG";

/** Throws LogoError if a picture has no pixels, or too many to unpack. */
export function checkSize({ width, height }: { width: number; height: number }): void {
  const size = `${width.toLocaleString("en")} x ${height.toLocaleString("en")} pixels`;
  if (width < 1 || height < 1) throw new LogoError(`has ${size}; make it at least 1 x 1`);
  if (width * height > pixelsMax) throw new LogoError(`has ${size}; scale it down to at most 4,096 x 4,096`);
}
