/**
 * Runs generators and testers that others wrote against a deployment of its own, and prints what each found. What this machine lacks
 * is named as absent and is no failure.
 *
 *     npm run conformance [-- --help]
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { readScriptOptions } from "../../cli/run-tool.ts";
import { startEphemeralCluster } from "../../dev/ephemeral-cluster.ts";
import { Plan } from "../../gen/qrforge/auth/v1/account_pb.ts";
import { addressesOf } from "../support/addresses.ts";
import { openAuth } from "../support/api.ts";
import { runProgram } from "../support/run.ts";
import { type Outcome, type Target, tools } from "./tools.ts";

const options = readScriptOptions({
  call: "npm run conformance",
  summary:
    "Tries the API with schemathesis, openapi-python-client, openapi-typescript, grpcurl and buf curl, as far as they are on the PATH.",
  options: {
    tool: { type: "text", choices: tools.map(({ name }) => name), repeatable: true, meaning: "only this tool" },
    examples: { type: "integer", value: "N", default: 20, min: 1, max: 10_000, meaning: "cases of an operation" },
  },
});

const chosen = tools.filter(({ name }) => options.tool.length === 0 || options.tool.includes(name));
const folder = await mkdtemp(path.join(tmpdir(), "qrforge-conformance-"));
console.log("Starting a deployment ...");
const { cluster, end } = await startEphemeralCluster();
const auth = openAuth(addressesOf(cluster, "auth"));
let failed = 0;
try {
  const { key } = await auth.newAccount(Plan.ENTERPRISE);
  const [edge] = cluster.members("edge");
  const url = cluster.edgeUrls()[0] as string;
  const apiFile = path.join(folder, "openapi.json");
  await writeFile(apiFile, await (await fetch(`${url}/openapi.json`)).text());
  const target: Target = { url, rpc: edge?.rpc as string, key, apiFile, folder, examples: options.examples };
  for (const tool of chosen) {
    const there = (await runProgram(tool.program, ["--version"])).code === 0;
    console.log(there ? `${tool.name} ...` : `${tool.name}: absent; ${tool.install}`);
    if (!there) continue;
    const outcome: Outcome = await tool.run(target);
    console.log(outcome.isOk ? `${tool.name}: passed` : `${tool.name}: FAILED\n${outcome.output}`);
    if (!outcome.isOk) failed++;
  }
} finally {
  auth.close();
  await end();
  await rm(folder, { recursive: true, force: true });
}
process.exitCode = failed === 0 ? 0 : 1;
