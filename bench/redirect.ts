/**
 * What one scan costs the edge: `GET /{slug}` with a phone's headers, the scan's recording included, compared with a plain node:http
 * server that gives the same answer. Run it with `npm run bench:redirect`.
 */
import { readScriptOptions } from "../cli/run-tool.ts";
import { compareWithBaseline } from "./baseline.ts";
import { newCode, withSuite } from "./cluster.ts";

const phone =
  "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1";

readScriptOptions({
  call: "npm run bench:redirect",
  summary: "Measures what one scan costs the edge, compared with a plain HTTP server.",
});

await withSuite({}, async (cluster) => {
  const { edge, code } = await newCode(cluster);
  const pid = cluster.members("edge")[0]?.child.pid as number;
  await compareWithBaseline({
    url: `${edge}/${code.slug}`,
    headers: { "user-agent": phone },
    pid,
    expectedStatus: 302,
  });
});
