/**
 * Gives the chart, the image and the client the version of package.json. npm runs it in `npm version`. Plain JavaScript, since
 * that may run on a Node without type stripping.
 */
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const { version } = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8"));

/** Where the version stands, after what the first group matches. */
const places = {
  "clients/typescript/package.json": [/^( {2}"version": ")[^"]+/m],
  "charts/qrforge/Chart.yaml": [/^(version: ).+$/m, /^(appVersion: ).+$/m],
  Dockerfile: [/(org\.opencontainers\.image\.version=)\S+/],
};

for (const [file, patterns] of Object.entries(places)) {
  let text = readFileSync(path.join(root, file), "utf8");
  for (const pattern of patterns) {
    if (!pattern.test(text))
      throw new Error(`${file} has no version that matches ${pattern}: change the file or this script`);
    text = text.replace(pattern, `$1${version}`);
  }
  writeFileSync(path.join(root, file), text);
}
