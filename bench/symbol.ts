/**
 * Drawing a plain symbol as SVG, compared with the `qrcode` package in the same process and Debian's `qrencode` (a process for
 * each symbol; left out if it is not installed); and what drawing and reading back cost a thread for some styles. Run it
 * with `npm run bench:symbol`.
 */

import { execFile } from "node:child_process";
import { promisify } from "node:util";
import QRCode from "qrcode";
import { readScriptOptions } from "../cli/run-tool.ts";
import { outlineText } from "../services/qr/symbols/caption.ts";
import { drawSymbol } from "../services/qr/symbols/geometry.ts";
import { toPdf } from "../services/qr/symbols/pdf.ts";
import { toPng } from "../services/qr/symbols/raster.ts";
import { readabilityIssue } from "../services/qr/symbols/readability.ts";
import { plainStyle, type Style } from "../services/qr/symbols/style.ts";
import { toSvg } from "../services/qr/symbols/svg.ts";
import { median } from "./load.ts";

const run = promisify(execFile);
const rounds = 7;
const perRound = 300;
const textOf = (index: number) => `https://qr.example.com/qr-${String(index).padStart(7, "0")}`;

const requestOf = (index: number, style: Partial<Style> = {}) =>
  ({ text: textOf(index), style: { ...plainStyle, ...style }, logo: undefined, margin: 4, ecc: "M" }) as const;
const ours = (index: number) => toSvg(drawSymbol(requestOf(index), outlineText), 512);
const theirs = (index: number) =>
  QRCode.toString(textOf(index), { type: "svg", errorCorrectionLevel: "M", width: 512 });

/** Microseconds for each of many, one after the other. */
async function time(draw: (index: number) => unknown, count: number): Promise<number> {
  const startedAt = performance.now();
  for (let index = 0; index < count; index++) await draw(index);
  return ((performance.now() - startedAt) / count) * 1_000;
}

readScriptOptions({
  call: "npm run bench:symbol",
  summary: "Measures drawing and reading back a symbol, compared with the qrcode package and qrencode.",
});

const us = (values: number[]) => `${median(values).toFixed(0)} µs`;
const plain: number[] = [];
const packaged: number[] = [];
await time(ours, perRound);
await time(theirs, perRound);
for (let round = 0; round < rounds; round++) {
  plain.push(await time(ours, perRound));
  packaged.push(await time(theirs, perRound));
}
const ratio = median(plain.map((one, round) => one / (packaged[round] as number)));
process.stdout.write(`plain SVG: ${us(plain)}, ${ratio.toFixed(2)} × the qrcode package (${us(packaged)})\n`);

const qrencode = (index: number) => run("qrencode", ["-t", "SVG", "-l", "M", "-o", "-", textOf(index)]);
try {
  await qrencode(0);
  process.stdout.write(`qrencode, a process each: ${us([await time(qrencode, 50), await time(qrencode, 50)])}\n`);
} catch {
  process.stdout.write("qrencode is not installed, so it is not compared\n");
}

for (const style of [{}, { moduleShape: "dot" }, { moduleShape: "rounded", caption: "Scan me" }] as Partial<Style>[]) {
  const svg = toSvg(drawSymbol(requestOf(1, style), outlineText), 512);
  const costs = [
    `read back ${us([await time((index) => readabilityIssue(requestOf(index, style)), 20)])}`,
    `PNG of 512 px ${us([await time(() => toPng(svg, 512), 20)])}`,
    `PNG of 4,096 px ${us([await time(() => toPng(svg, 4_096), 2)])}`,
    `PDF ${us([await time((index) => toPdf(drawSymbol(requestOf(index, style), outlineText), 512, "bench"), 20)])}`,
  ];
  process.stdout.write(`${JSON.stringify(style)}: ${costs.join(", ")}\n`);
}
