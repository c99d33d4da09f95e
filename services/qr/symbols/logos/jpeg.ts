import { exifOrientation } from "./exif.ts";
import { LogoError } from "./logo-error.ts";
import { checkSize, cutOff, damaged, type RasterFile } from "./raster-file.ts";

export const jpegSignature = Buffer.from("ffd8ff", "hex");
/** Maximum number of scans of a progressive JPEG, since each goes over the whole picture; programs write about 10. */
const scansMax = 64;

/** Markers of ITU-T T.81, table B.1. */
const marker = { eoi: 0xd9, sos: 0xda, app0: 0xe0, app1: 0xe1, app14: 0xee, app15: 0xef, comment: 0xfe };
const isFrame = (code: number) => code >= 0xc0 && code <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(code);
/** Frames that decoders read: baseline, extended and progressive, with Huffman coding. */
const supportedFrames = new Set([0xc0, 0xc1, 0xc2]);

interface Segment {
  code: number;
  content: Buffer;
  /** The segment with its marker, and with the data of its scan. */
  bytes: Buffer;
}

/** Reads a JPEG as its picture alone: no metadata, no thumbnail, nothing after its end. */
export function readJpeg(file: Buffer): RasterFile {
  const segments = [...segmentsOf(file)];
  const [frame, ...otherFrames] = segments.filter(({ code }) => isFrame(code));
  const scans = segments.filter(({ code }) => code === marker.sos).length;
  if (!frame || otherFrames.length > 0 || scans === 0) throw new LogoError(damaged);
  if (scans > scansMax) throw new LogoError(`is a JPEG with more than ${scansMax} scans; save it as a PNG`);
  const size = readFrame(frame);
  const turned = segments.map(({ code, content }) => (code === marker.app1 ? exifOrientation(content) : undefined));
  const orientation = turned.find((value) => value !== undefined) ?? 1;
  const bytes = segments.filter(({ code }) => !isMetadata(code)).map((segment) => segment.bytes);
  const whole = Buffer.concat([Buffer.from("ffd8", "hex"), ...bytes, Buffer.from("ffd9", "hex")]);
  return { type: "image/jpeg", bytes: whole, ...size, orientation };
}

/** Returns whether a segment may be left out. APP14 may not: it says how the colours are encoded. */
function isMetadata(code: number): boolean {
  return (code >= marker.app0 && code <= marker.app15 && code !== marker.app14) || code === marker.comment;
}

function* segmentsOf(file: Buffer): Generator<Segment> {
  for (let at = 2; ; ) {
    if (at + 2 > file.length) throw new LogoError(cutOff);
    if (file[at] !== 0xff) throw new LogoError(damaged);
    const code = file.readUInt8(at + 1);
    if (code === marker.eoi) return;
    if (code === 0xff) {
      // A marker may begin with several bytes 0xff.
      at++;
      continue;
    }
    if (at + 4 > file.length) throw new LogoError(cutOff);
    const contentEnd = at + 2 + file.readUInt16BE(at + 2);
    if (contentEnd > file.length) throw new LogoError(cutOff);
    const end = code === marker.sos ? endOfScan(file, contentEnd) : contentEnd;
    yield { code, content: file.subarray(at + 4, contentEnd), bytes: file.subarray(at, end) };
    at = end;
  }
}

/** Returns the size in a frame header: ITU-T T.81, B.2.2. */
function readFrame({ code, content }: Segment): { width: number; height: number } {
  if (content.length < 6) throw new LogoError(damaged);
  const [precision, components] = [content.readUInt8(0), content.readUInt8(5)];
  if (!supportedFrames.has(code) || precision !== 8)
    throw new LogoError(
      "is a JPEG of a kind that few programs read (lossless, arithmetic or 12 bit); save it as a PNG",
    );
  if (components === 4) throw new LogoError("has CMYK colours, which are for printing; save it with RGB colours");
  const size = { width: content.readUInt16BE(3), height: content.readUInt16BE(1) };
  checkSize(size);
  return size;
}

/** Returns where the data of a scan ends: at the next marker that is no restart marker. */
function endOfScan(file: Buffer, start: number): number {
  for (let at = start; ; at += 2) {
    at = file.indexOf(0xff, at);
    if (at === -1 || at + 1 >= file.length) throw new LogoError(cutOff);
    const next = file.readUInt8(at + 1);
    if (next === 0xff) at--;
    else if (next !== 0 && !(next >= 0xd0 && next <= 0xd7)) return at;
  }
}
