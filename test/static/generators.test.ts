import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { routes } from "../../services/edge/api/routes/index.ts";
import { describeApi } from "../../services/edge/reference/openapi.ts";
import { runProgram } from "../support/run.ts";

/** A program of somebody who generated the types, with a line for each promise of theirs. */
const program = `
import type { components, operations } from "./api.ts";
type Schemas = components["schemas"];
const body: Schemas["NewQrCode"] = { redirect_url: "https://example.com/", label: "Menu", style: { module_shape: "dot" } };
const batch: Schemas["QrCodeBatch"] = { qr_codes: [body] };
const change: Schemas["QrCodeChange"] = { style: body.style ?? null, status: "archived" };
// @ts-expect-error there is no such shape
const wrong: Schemas["StyleChange"] = { module_shape: "star" };
export function read(answer: Schemas["QrCodeResponse"], page: Schemas["QrCodePage"], error: Schemas["Conflict"]): string[] {
  const code: Schemas["QrCode"] = answer.data;
  const finder: "square" | "rounded" | "circle" = code.style.finder_shape;
  const why: "conflict" | "idempotency_in_progress" | "resource_archived" | "code_limit_reached" | undefined = error.code;
  return [code.slug, finder, ...page.items.map(({ short_url }) => short_url), why ?? "", page.next_page_token ?? ""];
}
export type Created = operations["createQrCode"]["responses"][201];
export const location = (created: Created): string | undefined => created.headers.Location;
export type Picture = operations["getQrCodeImage"]["responses"][200]["content"]["image/png"];
export const sent = [batch, change, wrong];
`;

describe("the types that openapi-typescript generates", () => {
  it("name bodies, answers, errors, headers and pictures, and compile", async () => {
    const folder = await mkdtemp(path.join(tmpdir(), "qrforge-generators-"));
    try {
      await writeFile(path.join(folder, "api.json"), JSON.stringify(describeApi(routes, "https://qr.example.com")));
      await writeFile(path.join(folder, "program.ts"), program);
      const made = await runProgram("openapi-typescript", ["api.json", "--output", "api.ts"], { cwd: folder });
      expect(made.code, made.output).toBe(0);
      const flags = ["--strict", "--noEmit", "--types", "", "--module", "nodenext", "--allowImportingTsExtensions"];
      const compiled = await runProgram("tsc", ["program.ts", ...flags], { cwd: folder });
      expect(compiled.code, compiled.output).toBe(0);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
