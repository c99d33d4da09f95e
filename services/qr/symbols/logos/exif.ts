const exifHeader = Buffer.from("Exif\0\0", "latin1");
const orientationTag = 0x0112;

/** Returns the orientation that EXIF data has in its first directory: CIPA DC-008, 4.6.4. */
export function exifOrientation(segment: Buffer): number | undefined {
  if (!segment.subarray(0, exifHeader.length).equals(exifHeader)) return undefined;
  const tiff = segment.subarray(exifHeader.length);
  if (tiff.length < 8) return undefined;
  const isLittle = tiff.toString("latin1", 0, 2) === "II";
  const uint16 = (at: number) => (isLittle ? tiff.readUInt16LE(at) : tiff.readUInt16BE(at));
  const directory = isLittle ? tiff.readUInt32LE(4) : tiff.readUInt32BE(4);
  if (directory + 2 > tiff.length) return undefined;
  const entries = uint16(directory);
  for (let index = 0; index < entries; index++) {
    const at = directory + 2 + index * 12;
    if (at + 12 > tiff.length) return undefined;
    if (uint16(at) !== orientationTag) continue;
    const value = uint16(at + 8);
    return value >= 1 && value <= 8 ? value : undefined;
  }
  return undefined;
}
