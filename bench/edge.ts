/**
 * What one request costs the edge: `GET /v1/qr-codes/{id}` through key, quota and qr, compared with a plain node:http server
 * that gives the same answer. Run it with `npm run bench:edge`.
 */
import { readScriptOptions } from "../cli/run-tool.ts";
import { compareWithBaseline, p99OverBaseline } from "./baseline.ts";
import { newCode, withSuite } from "./cluster.ts";

readScriptOptions({
  call: "npm run bench:edge",
  summary: "Measures what one API request costs the edge, compared with a plain HTTP server.",
});

await withSuite({}, async (cluster) => {
  const { edge, key, code } = await newCode(cluster);
  const pid = cluster.members("edge")[0]?.child.pid as number;
  const asked = { url: `${edge}/v1/qr-codes/${code.id}`, headers: { "x-api-key": key }, pid, expectedStatus: 200 };
  await compareWithBaseline(asked);
  await p99OverBaseline(asked, 1_000);
});
