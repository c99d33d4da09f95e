import { readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { formatApiKey, isApiKey } from "../../contracts/api-key.ts";
import { randomBase62 } from "../../platform/ids.ts";
import { root } from "../support/run.ts";

const page = readFileSync(path.join(root, "docs/leaked-keys.md"), "utf8");
const pattern = new RegExp(/^\\b.*\\b$/m.exec(page)?.[0] as string, "g");

describe("the expression for secret scanners", () => {
  it("finds each of 100,000 made keys in whatever stands around it, and the edge takes each", () => {
    const around = ['key = "%"', "x-api-key: %\r\n", "https://e.com/?k=%&b", "%", "(%)", "\t%;", "KEY=% # note"];
    for (let made = 0; made < 100_000; made++) {
      const key = formatApiKey(randomBase62(26));
      const text = (around[made % around.length] as string).replace("%", key);
      if (text.match(pattern)?.[0] !== key) expect.fail(`${key} was not found in ${text}`);
      if (!isApiKey(key)) expect.fail(`the edge would refuse ${key}`);
    }
  });

  it("finds nothing in what only looks like one", () => {
    const part = randomBase62(32);
    const looksLike = [`api_live_${part.slice(1)}`, `api_live_${part}0`, `api_test_${part}`, `api_live-${part}`, part];
    for (const text of [...looksLike, `api_live_${part.slice(1)}-`, `xapi_live_${part}`, `API_LIVE_${part}`]) {
      expect(text.match(pattern), text).toBeNull();
    }
  });
});
