import { existsSync, readdirSync, readFileSync } from "node:fs";
import UPNG from "upng-js";
import { afterAll, describe, expect, it } from "vitest";
import { made } from "../../../../test/cases/hostile-logos/make.ts";
import { wasmMemoryBytes } from "../wasm-memory.ts";
import { normaliseLogo, readPicture } from "./logo.ts";

/** An upload with what becomes of it: the issue it is refused with, or the size and colours of the logo. */
interface Case {
  file: string;
  about: string;
  issue?: string;
  kept?: [number, number];
  /** Colours as #rrggbbaa at places from 0 to 1, from the left and the top. */
  colours?: [number, number, string][];
}

const folder = new URL("../../../../test/cases/hostile-logos/", import.meta.url);
const cases: Case[] = JSON.parse(readFileSync(new URL("cases.json", folder), "utf8"));

function bytesOf(file: string): Buffer {
  const url = new URL(file, folder);
  return existsSync(url) ? readFileSync(url) : (made[file] as () => Buffer)();
}

describe("a hostile or awkward file", () => {
  for (const { file, about, issue, kept, colours = [] } of cases) {
    if (issue !== undefined) {
      it(`is refused with what to change: ${file}, ${about}`, async () => {
        expect(await normaliseLogo(bytesOf(file))).toEqual({ issue });
      });
      continue;
    }
    it(`is drawn as it looks: ${file}, ${about}`, async () => {
      const logo = await normaliseLogo(bytesOf(file));
      if ("issue" in logo) throw new Error(logo.issue);
      expect([logo.width, logo.height]).toEqual(kept);
      const [frame] = UPNG.toRGBA8(UPNG.decode(Uint8Array.from(logo.png).buffer));
      const pixels = Buffer.from(frame as ArrayBuffer);
      for (const [x, y, colour] of colours) {
        const at = 4 * (Math.floor(y * logo.height) * logo.width + Math.floor(x * logo.width));
        const drawn = pixels.subarray(at, at + 4);
        const wanted = Buffer.from(colour.slice(1), "hex");
        const difference = Math.max(...wanted.map((sample, channel) => Math.abs(sample - (drawn[channel] ?? 0))));
        expect(difference, `#${drawn.toString("hex")} at ${x}, ${y}, not ${colour}`).toBeLessThanOrEqual(4);
      }
    });
    it(`is drawn from known elements and attributes alone: ${file}`, () => {
      const drawn = readPicture(bytesOf(file)).toSvg(64, 64);
      const names = [...drawn.matchAll(/<([\w:]+)/g)].map(([, name]) => name);
      expect(names.filter((name) => !known.has(name ?? ""))).toEqual([]);
      const outside = drawn
        .replaceAll(/data:image\/(?:png|jpeg);base64,[\w+/=]*/g, "")
        .replaceAll(/xmlns(?::xlink)?="[^"]*"/g, "");
      expect(outside).not.toMatch(/\son\w+=|:\/\/|style=|class=|script|filter|data:|&(?!amp;|lt;|quot;)/);
    });
  }

  it("that was changed at random is drawn or refused, and never a fault", { timeout: 60_000 }, async () => {
    const random = createRandom(20_261);
    const accepted = cases.filter(({ file, kept }) => kept && file.endsWith(".svg")).map(({ file }) => bytesOf(file));
    const originals = accepted.filter(({ length }) => length < 5_000);
    let drawn = 0;
    for (let round = 0; round < 600; round++) {
      const original = originals[random(originals.length)] ?? Buffer.alloc(0);
      const at = random(original.length);
      const part = Buffer.from(parts[random(parts.length)] ?? "");
      const changed = Buffer.concat([original.subarray(0, at), part, original.subarray(at + random(8))]);
      const issue = /^[a-z]/;
      const logo = await normaliseLogo(changed).catch((error: unknown) => {
        throw new Error(`round ${round}: ${changed.toString("latin1")}`, { cause: error });
      });
      if ("issue" in logo) expect(logo.issue).toMatch(issue);
      else drawn++;
    }
    expect(drawn).toBeGreaterThan(60);
  });

  it("is in the index, each of at least 60", () => {
    const files = readdirSync(folder).filter((name) => name !== "cases.json" && name !== "make.ts");
    expect(cases.map(({ file }) => file).sort()).toEqual([...files, ...Object.keys(made)].sort());
    expect(cases.length).toBeGreaterThanOrEqual(60);
  });

  afterAll(() => {
    // All of them were drawn in this thread, one after the other.
    expect(wasmMemoryBytes()).toBeLessThan(96 * 1_048_576);
  });
});

const known = new Set(
  "svg g use symbol defs path rect circle ellipse line polyline polygon image clipPath linearGradient radialGradient stop".split(
    " ",
  ),
);

/** Parts of markup that break other markup. */
const parts = [
  "<",
  ">",
  '"',
  "/",
  "=",
  "&",
  "&#0;",
  "url(#a)",
  "e9",
  "-",
  "999999999",
  "<g>",
  "</g>",
  'xmlns:a="b"',
  "<![CDATA[",
].concat([
  "<!--",
  "{",
  "}",
  "*/",
  "!important",
  "%",
  "\0",
  '<use href="#a"/>',
  'transform="scale(0)"',
  "NaN",
  " ",
  "x",
  "",
]);

/** Returns the same numbers below a bound each time. */
function createRandom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state * 48_271) % 0x7fffffff;
    return state % below;
  };
}
