import { crc32, deflateSync, gzipSync } from "node:zlib";
import { readFileSync } from "node:fs";

/** Logos that are made when a test runs, by name: those that are large, or another file with one thing changed. */

const bytesOf = (file: string) => readFileSync(new URL(file, import.meta.url));
const svg = (content: string, attributes = 'viewBox="0 0 100 100"') =>
  Buffer.from(`<svg xmlns="http://www.w3.org/2000/svg" ${attributes}>${content}</svg>`);
const square = '<path d="M10 10h80v80h-80z"/>';
const repeat = (count: number, make: (index: number) => string) => Array.from({ length: count }, (_, i) => make(i)).join("");
const nest = (count: number, open: string, content: string, close: string) =>
  open.repeat(count) + content + close.repeat(count);

function chunk(type: string, content: Buffer): Buffer {
  const named = Buffer.concat([Buffer.from(type, "latin1"), content]);
  const [length, checksum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(content.length);
  checksum.writeUInt32BE(crc32(named));
  return Buffer.concat([length, named, checksum]);
}

interface PngParts {
  width: number;
  height: number;
  /** Unpacked samples in RGB with a filter byte before each row; a plain red picture unless set. */
  samples?: Buffer;
  /** Chunks between header and picture, and after the picture. */
  before?: Buffer[];
  after?: Buffer[];
}

function png({ width, height, samples, before = [], after = [] }: PngParts): Buffer {
  const header = Buffer.from([0, 0, 0, 0, 0, 0, 0, 0, 8, 2, 0, 0, 0]);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  const row = Buffer.from([0, ...Array.from({ length: width * 3 }, (_, at) => (at % 3 === 0 ? 255 : 0))]);
  const data = samples ?? Buffer.concat(Array.from({ length: height }, () => row));
  return Buffer.concat([
    Buffer.from("89504e470d0a1a0a", "hex"),
    chunk("IHDR", header),
    ...before,
    chunk("IDAT", deflateSync(data, { level: 9 })),
    ...after,
    chunk("IEND", Buffer.alloc(0)),
  ]);
}

const red = (parts: Partial<PngParts> = {}) => png({ width: 40, height: 30, ...parts });

/** Returns a JPEG with another segment after its beginning. */
function withSegment(jpeg: Buffer, code: number, content: Buffer): Buffer {
  const head = Buffer.from([0xff, code, 0, 0]);
  head.writeUInt16BE(content.length + 2, 2);
  return Buffer.concat([jpeg.subarray(0, 2), head, content, jpeg.subarray(2)]);
}

function exif(orientation: number, isLittle: boolean): Buffer {
  const tiff = isLittle
    ? Buffer.from("49492a00080000000100120103000100000000000000000000000000", "hex")
    : Buffer.from("4d4d002a00000008000101120003000000010000000000000000", "hex");
  if (isLittle) tiff.writeUInt16LE(orientation, 18);
  else tiff.writeUInt16BE(orientation, 18);
  return Buffer.concat([Buffer.from("Exif\0\0", "latin1"), tiff]);
}

const jpeg = () => bytesOf("plain-60x40.jpg");
const turned = (orientation: number, isLittle = false) => withSegment(jpeg(), 0xe1, exif(orientation, isLittle));

/** Returns a JPEG whose scan is sent many times over, as a progressive one may. */
function manyScans(count: number): Buffer {
  const file = bytesOf("progressive-60x40.jpg");
  const scan = file.lastIndexOf(Buffer.from("ffda", "hex"));
  const data = file.subarray(scan, -2);
  return Buffer.concat([file.subarray(0, scan), ...Array.from({ length: count }, () => data), file.subarray(-2)]);
}

/** Returns a JPEG whose frame header says another size, coding or precision. */
function withFrame(change: (frame: Buffer) => void, file = Buffer.from(jpeg()), marker = "ffc0"): Buffer {
  change(file.subarray(file.indexOf(Buffer.from(marker, "hex"))));
  return file;
}

/** Returns a progressive JPEG of 16 million pixels, of which only the first are sent. */
const largeProgressive = () =>
  withFrame((frame) => frame.write("10001000", 5, "hex"), Buffer.from(bytesOf("progressive-60x40.jpg")), "ffc2");

/** Returns a gzip file whose stored name is an SVG, and whose content is another. */
function gzipNamed(): Buffer {
  const packed = gzipSync(svg(repeat(20_000, () => square)));
  const name = Buffer.concat([svg(square), Buffer.from([0])]);
  const head = Buffer.from(packed.subarray(0, 10));
  head[3] = 0x08;
  return Buffer.concat([head, name, packed.subarray(10)]);
}

const layered = '<g opacity=".5">';
const doubling = (levels: number, element: (index: number) => string) =>
  `<defs><g id="a0">${square}</g>${repeat(levels, element)}</defs><use href="#a${levels}"/>`;

export const made: Record<string, () => Buffer> = {
  "gzip.svgz": () => gzipSync(svg(square)),
  "gzip-named-svg": gzipNamed,
  "utf-16.svg": () => Buffer.from(`\ufeff${svg(square)}`, "utf16le"),
  "latin-1.svg": () => Buffer.from(`<!-- caf\u00e9 -->${svg(square)}`, "latin1"),
  "bom.svg": () => Buffer.concat([Buffer.from("efbbbf0d0a20", "hex"), svg(square)]),
  "nul.svg": () => svg(`\0${square}`),
  "elements-20000.svg": () => svg(repeat(20_000, () => "<g/>")),
  "elements-5000.svg": () => svg(repeat(5_000, () => '<path d="M0 0h9v9z"/>')),
  "depth-65.svg": () => svg(nest(65, "<g>", square, "</g>")),
  "depth-20000.svg": () => svg(nest(20_000, "<g>", square, "</g>")),
  "depth-foreign.svg": () => svg(nest(9_000, '<a:b xmlns:a="a">', "", "</a:b>") + square),
  "attributes-25000.svg": () => svg(`<path ${repeat(25_000, (index) => `${index.toString(36).replaceAll(/^/g, "a")}="" `)} d="M0 0h9v9z"/>`),
  "opacity-nested.svg": () => svg(nest(60, '<g opacity=".99">', square, "</g>")),
  "opacity-nested-500.svg": () => svg(nest(500, layered, square, "</g>")),
  "translucent-4000.svg": () => svg(`<g fill-opacity=".5">${repeat(3_900, () => '<path d="M0 0h99v99z"/>')}</g>`),
  "opacity-500.svg": () => svg(repeat(500, () => `${layered}${square}</g>`)),
  "opacity-by-style.svg": () => svg(`<style>g{opacity:.5}</style>${repeat(500, () => `<g>${square}</g>`)}`),
  "laughs-by-use.svg": () => svg(doubling(40, (i) => `<g id="a${i + 1}"><use href="#a${i}"/><use href="#a${i}"/></g>`)),
  "chain-of-uses.svg": () =>
    svg(`<defs>${repeat(5_000, (i) => `<use id="a${i}" href="#a${i + 1}"/>`)}<g id="a5000">${square}</g></defs><use href="#a0"/>`),
  "laughs-by-clip.svg": () =>
    svg(
      `<defs><clipPath id="c0">${square}</clipPath>` +
        repeat(30, (i) => `<clipPath id="c${i + 1}">${`<path clip-path="url(#c${i})" d="M0 0h99v99z"/>`.repeat(2)}</clipPath>`) +
        '</defs><path clip-path="url(#c30)" d="M0 0h99v99z"/>',
    ),
  "path-by-use.svg": () =>
    svg(`<path id="p" d="M0 0${"l1 1-1 1".repeat(6_000)}"/>${repeat(40, () => '<use href="#p"/>')}`),
  "dashes.svg": () => svg('<path stroke="#000" stroke-dasharray=".0001" d="M0 0h100v100h-100z" fill="none"/>'),
  "dashes-inherited.svg": () =>
    svg('<g stroke="#000" stroke-dasharray=".0001" fill="none"><path d="M0 0h100v100h-100z"/></g>'),
  "gradients-1000.svg": () =>
    svg(
      '<radialGradient id="g"><stop stop-color="red"/></radialGradient>' +
        repeat(1_000, () => '<path fill="url(#g)" d="M0 0h100v100h-100z"/>'),
    ),
  "rules-1000.svg": () => svg(`<style>${repeat(1_000, (i) => `.a${i}{fill:red}`)}</style>${square}`),
  "css-nested-parens.svg": () => svg(`<style>${":is(".repeat(20_000)}</style>${square}`),
  "css-nested-rules.svg": () => svg(`<style>${"path{".repeat(20_000)}</style>${square}`),
  "long-tag-name.svg": () => Buffer.from(`<${"s".repeat(200_000)}/>`),
  "large.svg": () => svg(`<!--${" ".repeat(1_100 * 1024)}-->${square}`),
  "embedded-bomb.svg": () => svg(embed(png({ width: 8_000, height: 8_000, samples: Buffer.alloc(8) }))),
  "embedded-many.svg": () => svg(embed(red()).repeat(17)),
  "embedded-png.svg": () => svg(embed(red())),
  "embedded-svg.svg": () =>
    svg(`<image width="100" height="100" href="data:image/svg+xml;base64,${svg(square).toString("base64")}"/>`),
  "embedded-gzip.svg": () =>
    svg(`<image width="100" height="100" href="data:image/png;base64,${gzipSync(svg(square)).toString("base64")}"/>`),
  "bomb-30000x30000.png": () => png({ width: 30_000, height: 30_000, samples: Buffer.alloc(1_048_576) }),
  "idat-bomb.png": () => red({ samples: Buffer.alloc(64 * 1_048_576) }),
  "iccp-bomb.png": () =>
    red({ before: [chunk("iCCP", Buffer.concat([Buffer.from("p\0\0"), deflateSync(Buffer.alloc(16 * 1_048_576))]))] }),
  "ztxt-bomb.png": () =>
    red({
      before: Array.from({ length: 3 }, () =>
        chunk("zTXt", Buffer.concat([Buffer.from("c\0\0"), deflateSync(Buffer.alloc(8 * 1_048_576))])),
      ),
    }),
  "animated.png": () =>
    red({
      before: [chunk("acTL", Buffer.from("0000000200000000", "hex"))],
      after: [chunk("fdAT", Buffer.from("0000000100", "hex"))],
    }),
  "html.png": () => Buffer.concat([red(), Buffer.from("<html><script>alert(1)</script></html>")]),
  "text.png": () => red({ before: [chunk("tEXt", Buffer.from("Comment\0<script>alert(1)</script>"))] }),
  "truncated.png": () => red().subarray(0, 60),
  "no-end.png": () => red().subarray(0, -12),
  "checksum.png": () => {
    const file = red();
    file.writeUInt8((file.at(-20) ?? 0) ^ 1, file.length - 20);
    return file;
  },
  "zero.png": () => png({ width: 0, height: 10 }),
  "two-headers.png": () => red({ before: [red().subarray(8, 33)] }),
  "signature.png": () => Buffer.from("89504e470d0a1a0a", "hex"),
  "length-over-end.png": () => Buffer.from("89504e470d0a1a0affffffff49484452", "hex"),
  "turned-2.jpg": () => turned(2),
  "turned-3.jpg": () => turned(3),
  "turned-4.jpg": () => turned(4),
  "turned-5.jpg": () => turned(5),
  "turned-6.jpg": () => turned(6),
  "turned-7.jpg": () => turned(7),
  "turned-8.jpg": () => turned(8, true),
  "turned-99.jpg": () => turned(99),
  "exif-damaged.jpg": () => withSegment(jpeg(), 0xe1, Buffer.from("Exif\0\0MM\0\x2a\xff\xff\xff\xff", "latin1")),
  "truncated.jpg": () => jpeg().subarray(0, -200),
  "no-scan.jpg": () => jpeg().subarray(0, 30),
  "html.jpg": () => Buffer.concat([withSegment(jpeg(), 0xfe, Buffer.from("<script>")), Buffer.from("PK\x03\x04<html>")]),
  "scans-1000.jpg": () => manyScans(1_000),
  "progressive-4096x4096.jpg": largeProgressive,
  "size-65535.jpg": () => withFrame((frame) => frame.fill(0xff, 5, 9)),
  "height-0.jpg": () => withFrame((frame) => frame.fill(0, 5, 7)),
  "arithmetic.jpg": () => withFrame((frame) => frame.writeUInt8(0xc9, 1)),
  "lossless.jpg": () => withFrame((frame) => frame.writeUInt8(0xc3, 1)),
  "12-bit.jpg": () => withFrame((frame) => frame.writeUInt8(12, 4)),
  "gifar.gif": () => Buffer.concat([bytesOf("plain-60x40.gif"), Buffer.from("PK\x03\x04")]),
  "empty": () => Buffer.alloc(0),
  "pdf.pdf": () => Buffer.from("%PDF-1.4\n<svg xmlns='http://www.w3.org/2000/svg'/>"),
  "zip.zip": () => Buffer.concat([Buffer.from("PK\x03\x04"), svg(square)]),
  "html.html": () => Buffer.from(`<!DOCTYPE html><html><body>${svg(square)}</body></html>`),
  "avif.avif": () => Buffer.from("\0\0\0\x1cftypavif\0\0\0\0", "latin1"),
  "nested-svg-1900.svg": () => svg(repeat(1_900, () => '<svg width="8" height="8"><rect width="90" height="90"/></svg>')),
  "symbol-1200.svg": () =>
    svg(`<symbol id="s" viewBox="0 0 9 9"><rect width="9" height="9"/></symbol>${repeat(1_200, () => '<use href="#s" x="1" width="9" height="9"/>')}`),
  "nested-svg.svg": () => svg(repeat(40, () => '<svg x="10" y="10" width="80" height="80"><rect width="90" height="90"/></svg>')),
  "picture-30-times.svg": () =>
    svg(`${embed(png({ width: 2_000, height: 1_000, samples: Buffer.alloc(6_001 * 1_000) })).replace("<image", '<image id="i"')}${repeat(30, () => '<use href="#i"/>')}`),
  "long-number.svg": () => svg(square, `viewBox="0 0 100 100" stroke-width="${"1".repeat(240_000)}x"`),
  "long-colour.svg": () => svg(square, `viewBox="0 0 100 100" fill="rgb(${"1".repeat(240_000)}"`),
  "open-comments.svg": () => svg(`<style>path{a:${"/*".repeat(120_000)}}</style>${square}`),
  "many-prefixes.svg": () =>
    svg(`<defs>${repeat(8_000, () => '<g xmlns:b=""/>')}</defs>${square}`, `viewBox="0 0 100 100" ${repeat(8_000, (index) => `xmlns:a${index}="" `)}`),
  "long-selector.svg": () =>
    svg(`<style>${".a".repeat(60_000)}{fill:red}</style>${nest(60, '<g class="a">', repeat(8_000, () => '<g class="a"/>'), "</g>")}${square}`),
  "long-rule.svg": () => svg(`<style>.a{${"fill:red;".repeat(10_000)}}</style>${repeat(9_000, () => '<g class="a"/>')}${square}`),
  "long-value.svg": () =>
    svg(`<style>.a{stroke-dasharray:${"1 ".repeat(50_000)}}</style>${repeat(9_000, () => '<g class="a"/>')}${square}`),
};

function embed(picture: Buffer): string {
  return `<image width="100" height="100" href="data:image/png;base64,${picture.toString("base64")}"/>`;
}
