import PDFDocument from "pdfkit";
import type { Drawing } from "./geometry.ts";

/**
 * Returns the drawing of a text as a PDF of one page with the given width in points; everything but a logo is vectors. The
 * bytes are the same each time; with a logo only on the same version of Node, since zlib compresses it.
 */
export async function toPdf({ width, height, shapes, logo }: Drawing, widthPt: number, text: string): Promise<Buffer> {
  const scale = widthPt / width;
  const document = new PDFDocument({
    size: [widthPt, height * scale],
    margin: 0,
    // The compressed bytes differ between versions of zlib.
    compress: false,
    lang: "en",
    displayTitle: true,
    info: { Title: `QR code: ${text}`, Producer: "QRForge", Creator: "QRForge", CreationDate: new Date(0) },
  });
  const chunks: Buffer[] = [];
  const ended = new Promise((resolve, reject) => {
    document.on("data", (chunk: Buffer) => chunks.push(chunk));
    document.on("end", resolve);
    document.on("error", reject);
  });
  document.scale(scale);
  for (const { path, colour, rule } of shapes) {
    document.path(path).fill(colour, rule === "evenodd" ? "even-odd" : "non-zero");
  }
  if (logo) {
    document.image(Buffer.from(logo.png), logo.x, logo.y, { width: logo.width, height: logo.height });
  }
  document.end();
  await ended;
  return Buffer.concat(chunks);
}
