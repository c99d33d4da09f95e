import { readFileSync } from "node:fs";
import { scanRGBABuffer } from "@undecaf/zbar-wasm";
import jsQR from "jsqr";
import { afterAll, describe, expect, inject, it } from "vitest";
import { Plan } from "../../gen/qrforge/auth/v1/account_pb.ts";
import { toPng, toRaster } from "../../services/qr/symbols/raster.ts";
import { call, openAuth } from "../support/api.ts";

const { edges, auths } = inject("cluster");
const edge = edges[0] as string;
const auth = openAuth(auths);
afterAll(() => auth.close());

const picture =
  '<svg xmlns="http://www.w3.org/2000/svg" width="40" height="30" onload="alert(1)">' +
  '<rect width="40" height="30" fill="#c33"/></svg>';
const svgLogo = (content: string) =>
  `data:image/svg+xml;base64,${Buffer.from(`<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9">${content}</svg>`).toString("base64")}`;
const svgUrl = `data:image/svg+xml;base64,${Buffer.from(picture).toString("base64")}`;

/** 16 by 12 pixels of one red. */
const redJpeg =
  "/9j/2wCEABALDA4MChAODQ4SERATGCgaGBYWGDEjJR0oOjM9PDkzODdASFxOQERXRTc4UG1RV19iZ2hnPk1xeXBkeFxlZ2MBERISGBUYLxoaL2" +
  "NCOEJjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY//AABEIAAwAEAMBIgACEQEDEQH/xAGiAAABBQEB" +
  "AQEBAQAAAAAAAAAAAQIDBAUGBwgJCgsQAAIBAwMCBAMFBQQEAAABfQECAwAEEQUSITFBBhNRYQcicRQygZGhCCNCscEVUtHwJDNicoIJChYXGB" +
  "kaJSYnKCkqNDU2Nzg5OkNERUZHSElKU1RVVldYWVpjZGVmZ2hpanN0dXZ3eHl6g4SFhoeIiYqSk5SVlpeYmZqio6Slpqeoqaqys7S1tre4ubrC" +
  "w8TFxsfIycrS09TV1tfY2drh4uPk5ebn6Onq8fLz9PX29/j5+gEAAwEBAQEBAQEBAQAAAAAAAAECAwQFBgcICQoLEQACAQIEBAMEBwUEBAABAn" +
  "cAAQIDEQQFITEGEkFRB2FxEyIygQgUQpGhscEJIzNS8BVictEKFiQ04SXxFxgZGiYnKCkqNTY3ODk6Q0RFRkdISUpTVFVWV1hZWmNkZWZnaGlq" +
  "c3R1dnd4eXqCg4SFhoeIiYqSk5SVlpeYmZqio6Slpqeoqaqys7S1tre4ubrCw8TFxsfIycrS09TV1tfY2dri4+Tl5ufo6ery8/T19vf4+fr/2g" +
  "AMAwEAAhEDEQA/AMuiiiuI+mP/2Q==";

async function newCode(style: object = {}) {
  const { key } = await auth.newAccount(Plan.ENTERPRISE);
  const body = { name: "n", redirect_url: "https://example.com/", style };
  const answer = await call(`${edge}/v1/qr-codes`, { key, body });
  expect(answer.status, answer.text).toBe(201);
  return { key, code: answer.body.data };
}

async function image(key: string, id: string, query = "", headers: Record<string, string> = {}) {
  const response = await fetch(`${edge}/v1/qr-codes/${id}/image${query}`, {
    headers: { "x-api-key": key, ...headers },
  });
  return { response, bytes: Buffer.from(await response.arrayBuffer()) };
}

/**
 * Whether two readers that share no code with the encoder, nor with the service's own reader, see a text in a picture. As a
 * camera does, they may look from more than one distance.
 */
async function isReadTwice(svg: string, text: string): Promise<boolean[]> {
  const read = jsQR as unknown as typeof jsQR.default;
  const seen = [false, false];
  for (const widthPx of [400, 300, 600]) {
    if (seen.every(Boolean)) break;
    const { pixels, width, height } = await toRaster(svg, widthPx);
    const [found] = await scanRGBABuffer(pixels.buffer as ArrayBuffer, width, height);
    seen[0] ||= read(pixels, width, height)?.data === text;
    seen[1] ||= found?.decode() === text;
  }
  return seen;
}

describe("the image of a code", () => {
  it("is SVG, PNG or PDF, by format or Accept", async () => {
    const { key, code } = await newCode();
    const kinds = { svg: ["image/svg+xml", "<svg"], png: ["image/png", "\u0089PNG"], pdf: ["application/pdf", "%PDF"] };
    for (const [format, [type, start]] of Object.entries(kinds)) {
      for (const one of [
        await image(key, code.id, `?format=${format}`),
        await image(key, code.slug, "", { accept: `text/html;q=0.5, ${type}` }),
      ]) {
        expect([one.response.status, one.response.headers.get("content-type")]).toEqual([200, type]);
        expect(one.bytes.toString("latin1").startsWith(start as string)).toBe(true);
      }
    }
  });

  it("has the width that is asked for", async () => {
    const { key, code } = await newCode();
    const { bytes } = await image(key, code.id, "?format=png&size=4096&margin=0&ecc=H");
    expect([bytes.readUInt32BE(16), bytes.readUInt32BE(20)]).toEqual([4096, 4096]);
    expect((await image(key, code.id, "?size=300")).bytes.toString()).toContain('width="300"');
  });

  it("has a strong ETag: 304 to who has it, and another after an edit of the style alone", async () => {
    const { key, code } = await newCode();
    const first = await image(key, code.id);
    const etag = first.response.headers.get("etag") as string;
    expect(etag).toMatch(/^"[0-9a-f]{32}-gzip"$/);
    const again = await image(key, code.id, "", { "if-none-match": `"x", ${etag}` });
    expect([again.response.status, again.bytes.length, again.response.headers.get("etag")]).toEqual([304, 0, etag]);
    const patch = (body: object) => call(`${edge}/v1/qr-codes/${code.id}`, { key, method: "PATCH", body });
    await patch({ name: "other", redirect_url: "https://example.org/" });
    expect((await image(key, code.id)).response.headers.get("etag")).toBe(etag);
    await patch({ style: { foreground: "#111111" } });
    expect((await image(key, code.id)).response.headers.get("etag")).not.toBe(etag);
    expect((await image(key, code.id, "?size=100")).response.headers.get("etag")).not.toBe(etag);
  });

  it("has any margin and error correction that may be asked for, and 304 for whoever has some picture", async () => {
    const { key, code } = await newCode();
    for (const margin of [0, 1, 8, 16]) {
      for (const ecc of ["L", "H"]) {
        const one = await image(key, code.id, `?margin=${margin}&ecc=${ecc}`);
        expect([margin, ecc, one.response.status]).toEqual([margin, ecc, 200]);
      }
    }
    expect((await image(key, code.id, "", { "if-none-match": "*" })).response.status).toBe(304);
    const other = await image(key, code.id, "", { accept: "image/svg+xml;q=0, */*" });
    expect(other.response.headers.get("content-type")).toBe("image/png");
  });

  it("is refused with what to change for bad parameters", async () => {
    const { key, code } = await newCode();
    for (const [query, field] of [
      ["size=63", "size"],
      ["size=4097", "size"],
      ["margin=17", "margin"],
      ["margin=-1", "margin"],
      ["ecc=X", "ecc"],
      ["format=gif", "format"],
      ["colour=red", "colour"],
    ]) {
      const answer = await call(`${edge}/v1/qr-codes/${code.id}/image?${query}`, { key });
      expect([answer.status, answer.body.code, answer.body.details[0].field]).toEqual([400, "invalid_request", field]);
    }
    for (const name of ["0".repeat(20), "qr-nothere", "x"]) {
      expect((await call(`${edge}/v1/qr-codes/${name}/image`, { key })).body.code).toBe("not_found");
    }
    const { key: stranger } = await auth.newAccount();
    expect((await call(`${edge}/v1/qr-codes/${code.id}/image`, { key: stranger })).status).toBe(404);
  });
});

describe("many pictures at once", () => {
  it("are drawn or refused, and keep no other account from creating codes", async () => {
    const { key, code } = await newCode();
    const pictures = Array.from({ length: 60 }, (_, index) =>
      image(key, code.id, `?format=png&size=${3_000 + index}`).then(({ response }) => response.status),
    );
    const { key: other } = await auth.newAccount(Plan.ENTERPRISE);
    const body = { name: "n", redirect_url: "https://example.com/", style: { module_shape: "dot" } };
    expect((await call(`${edge}/v1/qr-codes`, { key: other, body })).status).toBe(201);
    const statuses = await Promise.all(pictures);
    expect(statuses).toContain(200);
    // Whether any is refused depends on whether other accounts call: then an edge sends qr a few at a time. 429: the account has used its drawing time of the minute.
    expect(statuses.filter((status) => ![200, 429, 503, 504].includes(status))).toEqual([]);
  });
});

describe("a style", () => {
  it("of every combination is read by two further readers", { timeout: 120_000 }, async () => {
    const { key, code } = await newCode({ foreground: "#1a2b6c", background: "#fff8e7" });
    const patch = (style: object) => call(`${edge}/v1/qr-codes/${code.id}`, { key, method: "PATCH", body: { style } });
    const seen: [string, boolean[]][] = [];
    for (const module_shape of ["square", "dot", "rounded"]) {
      for (const finder_shape of ["square", "rounded", "circle"]) {
        for (const logo of [null, svgUrl]) {
          for (const caption of [null, "Scan me – Меню"]) {
            const style = { module_shape, finder_shape, logo, caption };
            const changed = await patch(style);
            expect(changed.status, changed.text).toBe(200);
            for (const ecc of ["L", "M", "Q", "H"]) {
              const { bytes } = await image(key, code.id, `?ecc=${ecc}`);
              const read = await isReadTwice(bytes.toString(), code.short_url);
              seen.push([JSON.stringify({ ...style, logo: logo !== null, ecc }), read]);
            }
          }
        }
      }
    }
    const unread = seen.filter(([, read]) => !read.every(Boolean));
    expect(unread).toEqual([]);
    expect(seen).toHaveLength(144);
  });

  it("that cannot be read back is refused, and names the setting to change", async () => {
    const { key } = await auth.newAccount(Plan.ENTERPRISE);
    for (const [style, field] of [
      [{ foreground: "#ffffff", background: "#000000" }, "style.foreground"],
      [{ foreground: "#949494" }, "style.foreground"],
      [{ caption: "e\u0301\u0301\u0301\u0301" }, "style.caption"],
      [{ caption: "\u200b" }, "style.caption"],
      [{ logo: svgLogo('<filter id="f"><feTurbulence numOctaves="99999"/></filter>') }, "style.logo"],
      [{ logo: svgLogo("<text>Hi</text>") }, "style.logo"],
      [{ caption: "漢字" }, "style.caption"],
      [{ logo: "data:image/png;base64,AAAA" }, "style.logo"],
      [{ logo: "0".repeat(32) }, "style.logo"],
      [{ logo_size: 31 }, "style.logo_size"],
      [{ module_shape: "star" }, "style.module_shape"],
    ] as [object, string][]) {
      const body = { name: "n", redirect_url: "https://example.com/", style };
      const answer = await call(`${edge}/v1/qr-codes`, { key, body });
      expect([answer.status, answer.body.code, answer.body.details?.[0].field]).toEqual([
        400,
        "invalid_payload",
        field,
      ]);
    }
    expect((await call(`${edge}/v1/qr-codes`, { key })).body.items).toEqual([]);
  });

  it("whose logo hides too much is refused, and the code keeps the style that it has", async () => {
    const { key, code } = await newCode();
    const square = picture.replace('width="40" height="30"', 'width="40" height="40"');
    const logo = `data:image/svg+xml;base64,${Buffer.from(square).toString("base64")}`;
    const patch = (style: object) => call(`${edge}/v1/qr-codes/${code.id}`, { key, method: "PATCH", body: { style } });
    const small = await patch({ logo, logo_size: 10 });
    expect(small.status).toBe(200);
    const { bytes } = await image(key, code.id, "?format=svg");
    expect(bytes.toString()).toContain("data:image/png;base64,");
    expect(bytes.toString()).not.toContain("alert");
    const kept = small.body.data.style;
    expect(kept.logo).toMatch(/^[0-9a-f]{32}$/);
    // The same logo may be named by its id, also for another code of the account.
    const other = await call(`${edge}/v1/qr-codes`, {
      key,
      body: { name: "n", redirect_url: "https://example.com/", style: { logo: kept.logo } },
    });
    expect(other.status).toBe(201);
    expect((await patch({ logo: null })).body.data.style.logo).toBeNull();
  });

  it("with a photo as its logo is accepted, drawn in every format, and read by two further readers", async () => {
    const { key, code } = await newCode();
    for (const file of ["photo-100x100.jpg", "photo-82x96.jpg", "photo-640x480.jpg", "icon-16x16.png"]) {
      const bytes = readFileSync(new URL(`../cases/logos/${file}`, import.meta.url));
      const type = file.endsWith("jpg") ? "jpeg" : "png";
      const style = { logo: `data:image/${type};base64,${bytes.toString("base64")}` };
      const changed = await call(`${edge}/v1/qr-codes/${code.id}`, { key, method: "PATCH", body: { style } });
      expect([file, changed.status], changed.text).toEqual([file, 200]);
      for (const format of ["png", "pdf"]) {
        expect([file, (await image(key, code.id, `?format=${format}`)).response.status]).toEqual([file, 200]);
      }
      const svg = (await image(key, code.id, "?format=svg")).bytes.toString();
      expect([file, ...(await isReadTwice(svg, code.short_url))]).toEqual([file, true, true]);
    }
  });

  it("takes PNG and JPEG logos, and says what is wrong with others", async () => {
    const { key, code } = await newCode();
    const patch = (style: object) => call(`${edge}/v1/qr-codes/${code.id}`, { key, method: "PATCH", body: { style } });
    const png = await toPng(picture, 64);
    const url = (type: string, bytes: Uint8Array) =>
      `data:image/${type};base64,${Buffer.from(bytes).toString("base64")}`;
    expect((await patch({ logo: url("png", png) })).status).toBe(200);
    expect((await patch({ logo: `data:image/jpeg;base64,${redJpeg}` })).status).toBe(200);
    const strip = '<svg xmlns="http://www.w3.org/2000/svg" width="100" height="10"><path d="M0 0h9v9z"/></svg>';
    const long = await toPng(strip, 100);
    const refused = await patch({ logo: url("png", long) });
    expect(refused.body.details).toEqual([
      {
        field: "style.logo",
        issue: "has 100 x 10 pixels, more than four times as long as wide; crop it, or give it a wider border",
      },
    ]);
    const cut = await patch({ logo: url("png", png.subarray(0, 60)) });
    expect(cut.body.details[0].field).toBe("style.logo");
  });
});
