import { encodeQR } from "qr";

const quietZone = 2;
const black = "\x1b[38;5;16m";
const onWhite = "\x1b[48;5;231m";
const reset = "\x1b[0m";

/** Returns a QR code of a text as lines for a terminal with 256 colours, black on white whatever its own colours are. */
export function drawInTerminal(text: string): string[] {
  const modules = encodeQR(text, "raw", { ecc: "low", border: quietZone });
  const lines: string[] = [];
  for (let y = 0; y < modules.length; y += 2) {
    const [upper = [], lower = []] = [modules[y], modules[y + 1]];
    const cells = upper.map((dark, x) => (dark ? (lower[x] ? "█" : "▀") : lower[x] ? "▄" : " "));
    lines.push(`${black}${onWhite}${cells.join("")}${reset}`);
  }
  return lines;
}
