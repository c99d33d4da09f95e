/**
 * Counts the casts in production code: each `x as T` is a place where the compiler is told and not asked. `as const` and
 * `satisfies` are none. Prints the number, and where they are with `--list`; fails if there are more than the bound.
 */
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { parseAst } from "vite";

const root = path.resolve(import.meta.dirname, "..");
const folders = ["contracts", "platform", "services"];

/** How many there may be; lower it as they go. */
export const castsMax = 43;

/** Returns each cast as `file:line`. */
export function findCasts(): string[] {
  return folders.flatMap((folder) =>
    readdirSync(path.join(root, folder), { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(".ts") && !name.endsWith(".test.ts"))
      .sort()
      .flatMap((name) => {
        const file = path.join(folder, name);
        const text = readFileSync(path.join(root, file), "utf8");
        return findCastsIn(text).map((at) => `${file}:${text.slice(0, at).split("\n").length}`);
      }),
  );
}

/** Returns the offset of each cast in a source text. */
export function findCastsIn(text: string): number[] {
  const found: number[] = [];
  const visit = (node: unknown): void => {
    if (Array.isArray(node)) node.forEach(visit);
    if (typeof node !== "object" || node === null || Array.isArray(node)) return;
    if (isCast(node)) found.push(node.end);
    Object.values(node).forEach(visit);
  };
  visit(parseAst(text, { lang: "ts" }).body);
  return found.sort((one, other) => one - other);
}

function isCast(node: object): node is { end: number } {
  const { type, typeAnnotation } = node as { type?: string; typeAnnotation?: { typeName?: { name?: string } } };
  if (type === "TSTypeAssertion") return true;
  return type === "TSAsExpression" && typeAnnotation?.typeName?.name !== "const";
}

if (import.meta.main) {
  const casts = findCasts();
  if (process.argv.includes("--list")) process.stdout.write(`${casts.join("\n")}\n`);
  process.stdout.write(`${casts.length} casts in ${folders.join(", ")}, of ${castsMax} at most\n`);
  if (casts.length > castsMax) {
    process.stderr.write("Let a type say it, or see the places with node scripts/count-casts.ts --list.\n");
    process.exitCode = 1;
  }
}
