/**
 * Applies the patches of `patches/NAME@VERSION.patch` to the installed packages. npm runs it after each install; to run it
 * again changes nothing. Plain JavaScript, since an install may run on a Node without type stripping.
 */
import { existsSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { applyPatch, parsePatch, reversePatch } from "diff";

const root = fileURLToPath(new URL("..", import.meta.url));

for (const file of readdirSync(path.join(root, "patches"))) {
  const [, name, version] = /^(.+)@(\d[^@]*)\.patch$/.exec(file) ?? [];
  if (!name) throw new Error(`patches/${file} must be named NAME@VERSION.patch`);
  const folder = path.join(root, "node_modules", name);
  const installed = JSON.parse(readFileSync(path.join(folder, "package.json"), "utf8")).version;
  if (installed !== version) {
    throw new Error(`patches/${file} does not fit ${name} ${installed}: make it anew for that version, or delete it`);
  }
  for (const patch of parsePatch(readFileSync(path.join(root, "patches", file), "utf8"))) {
    // As `diff -ru a b` names it.
    const target = path.join(folder, patch.newFileName.replace(/^b\//, ""));
    // Kept from the first time on, so that a later form of the patch fits as well.
    const original = `${target}.orig`;
    const text = readFileSync(existsSync(original) ? original : target, "utf8");
    const patched = applyPatch(text, patch);
    if (patched === false) {
      if (applyPatch(text, reversePatch(patch)) !== false) continue;
      throw new Error(`patches/${file} does not fit ${target}: run npm ci`);
    }
    replace(original, text);
    replace(target, patched);
  }
}

/** Replaces a file in one step, so that an install that is cut off leaves either the old one or the new one. */
function replace(file, text) {
  writeFileSync(`${file}.tmp`, text);
  renameSync(`${file}.tmp`, file);
}
