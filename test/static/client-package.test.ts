import { cp, mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { root, runProgram } from "../support/run.ts";

let folder: string;
let app: string;

/** Runs a program, and fails with what it printed if it fails. */
async function run(command: string, args: string[], cwd: string): Promise<string> {
  const { code, output } = await runProgram(command, args, { cwd });
  expect(code, output).toBe(0);
  return output;
}

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "qrforge-client-"));
  const source = path.join(folder, "source");
  app = path.join(folder, "app");
  const built = path.join(root, "clients/typescript/dist");
  await cp(path.join(root, "clients/typescript"), source, { recursive: true, filter: (file) => file !== built });
  await run("npm", ["pack", "--silent", "--pack-destination", folder], source);
  const [tarball] = (await readdir(folder)).filter((name) => name.endsWith(".tgz"));
  await mkdir(app);
  await writeFile(path.join(app, "package.json"), '{ "name": "app", "private": true }');
  const offline = ["--offline", "--no-audit", "--no-fund", "--ignore-scripts"];
  await run("npm", ["install", ...offline, path.join(folder, tarball as string)], app);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const body = `
const answer = { data: { id: "0Nq8ZcT4vWb7KxYp2LmR", name: "Menu" } };
const fetch = async () => new Response(JSON.stringify(answer), { headers: { etag: '"1.2"' } });
const client = createClient({ baseUrl: "https://qr.example.com", apiKey: "api_live_x", fetch });
client.getQrCode("menu").then((code) => console.log(code.name, etagOf(code)));
`;

describe("the client as npm packs it", () => {
  it("holds the code for import and require, types, license and readme, and no source", async () => {
    const files = (await readdir(path.join(app, "node_modules/@qrforge/client"), { recursive: true })).map((file) =>
      file.split(path.sep).join("/"),
    );
    const needed = ["LICENSE", "README.md", "dist/esm/index.js", "dist/esm/index.d.ts", "dist/cjs/index.js"];
    expect(files).toEqual(expect.arrayContaining([...needed, "dist/cjs/index.d.ts", "dist/cjs/package.json"]));
    expect(files.filter((file) => /(?<!\.d)\.ts$|tsconfig|build/.test(file))).toEqual([]);
  });

  it("runs where it is imported, and where it is required", async () => {
    await writeFile(path.join(app, "app.mjs"), `import { createClient, etagOf } from "@qrforge/client";${body}`);
    await writeFile(path.join(app, "app.cjs"), `const { createClient, etagOf } = require("@qrforge/client");${body}`);
    for (const file of ["app.mjs", "app.cjs"]) {
      expect(await run(process.execPath, [file], app), file).toBe('Menu "1.2"\n');
    }
  });

  it("has types for both, which strict settings accept", async () => {
    const typed = `
const client: Client = createClient({ baseUrl: "https://qr.example.com", apiKey: "k" });
export async function rename(id: string, signal: AbortSignal): Promise<QrCode> {
  const code = await client.getQrCode(id, { signal });
  // @ts-expect-error a code has no such field
  code.colour;
  return await client.updateQrCode(id, { name: "Menu" }, { ifMatch: etagOf(code), signal });
}
`;
    await writeFile(
      path.join(app, "typed.mts"),
      `import { type Client, createClient, etagOf, type QrCode } from "@qrforge/client";${typed}`,
    );
    await writeFile(
      path.join(app, "typed.cts"),
      `import client_ = require("@qrforge/client");
import type { Client, QrCode } from "@qrforge/client";
const { createClient, etagOf } = client_;${typed}`,
    );
    const strict = ["--strict", "--exactOptionalPropertyTypes", "--noEmit", "--types", "", "--lib", "es2023,dom"];
    await run("tsc", ["typed.mts", "typed.cts", "--module", "nodenext", "--target", "es2022", ...strict], app);
  });
});
