import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { limits } from "../../../../contracts/limits.ts";
import { toRaster } from "../raster.ts";
import { readabilityIssue } from "../readability.ts";
import { type Logo, plainStyle } from "../style.ts";
import { logoPngBytesMax, normaliseLogo } from "./logo.ts";

type Case = { file: string; about: string; kept?: [number, number]; issue?: string };

const folder = new URL("../../../../test/cases/logos/", import.meta.url);
const cases: Case[] = JSON.parse(readFileSync(new URL("cases.json", folder), "utf8"));
const bytesOf = (file: string) => readFileSync(new URL(file, folder));
const mimeTypes: Record<string, string> = { jpg: "image/jpeg", png: "image/png", svg: "image/svg+xml" };

async function keep(bytes: Uint8Array): Promise<Logo> {
  const logo = await normaliseLogo(bytes);
  if ("issue" in logo) throw new Error(logo.issue);
  return logo;
}

/** Draws a picture on white and returns its RGBA samples. */
async function samplesOf(bytes: Uint8Array, mimeType: string, [width, height]: [number, number]) {
  const href = `data:${mimeType};base64,${Buffer.from(bytes).toString("base64")}`;
  const svg =
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}"><path fill="#fff" d="M0 0h9999v9999H0z"/>` +
    `<image width="${width}" height="${height}" preserveAspectRatio="none" href="${href}"/></svg>`;
  return (await toRaster(svg, width)).pixels;
}

describe("a logo", () => {
  for (const { file, about, kept, issue } of cases) {
    if (!kept) {
      it(`is refused by what was sent: ${file}, ${about}`, async () => {
        expect(await normaliseLogo(bytesOf(file))).toEqual({ issue });
      });
      continue;
    }
    it(`is kept at ${kept.join(" x ")} within the bound, looks as it was sent and reads: ${file}, ${about}`, async () => {
      const logo = await keep(bytesOf(file));
      expect([logo.width, logo.height]).toEqual(kept);
      expect(Buffer.from(logo.png).readUInt32BE(16)).toBe(kept[0]);
      expect(logo.png.length).toBeLessThanOrEqual(logoPngBytesMax);
      const sent = await samplesOf(bytesOf(file), mimeTypes[file.split(".").at(-1) as string] as string, kept);
      const drawn = await samplesOf(logo.png, "image/png", kept);
      const difference = sent.reduce((sum, sample, at) => sum + Math.abs(sample - (drawn[at] as number)), 0);
      expect(difference / sent.length, "mean difference of a sample, of 255").toBeLessThan(10);
      const text = "https://qr.example.com/menu";
      const style = { ...plainStyle, logoId: "0".repeat(32) };
      expect(await readabilityIssue({ text, style, logo, margin: 4, ecc: "M" })).toBeUndefined();
    });
  }

  it("has the same bytes each time, so that it is kept once", async () => {
    const bytes = bytesOf("noise-560x560.jpg");
    expect(Buffer.from((await keep(bytes)).png).equals((await keep(bytes)).png)).toBe(true);
  });

  it("is refused by the bytes that were sent", async () => {
    const padded = Buffer.concat([bytesOf("icon-16x16.png"), Buffer.alloc(limits.logoBytesMax)]);
    expect(await normaliseLogo(padded)).toEqual({
      issue: "has 1,025 KiB; make it at most 1,024 KiB: scale it down to 512 pixels",
    });
  });
});
