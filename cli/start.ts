import path from "node:path";
import { loadConfig } from "../platform/config.ts";
import { defineTool, type Input, type Values } from "./command.ts";
import { type Demo, ensureDemo, signInLink } from "./demo.ts";
import { Problem } from "./problem.ts";
import { runTool } from "./run-tool.ts";
import { root, settings } from "./settings.ts";
import { describeSignUp } from "./sign-up.ts";
import { startSuite } from "./suite.ts";

const count = { type: "integer", value: "N", default: 1, min: 1, max: 16 } as const satisfies Partial<Input>;
const options = {
  edges: { ...count, meaning: "edges to run" },
  auths: { ...count, meaning: "replicas of auth" },
  quotas: { ...count, meaning: "replicas of quota" },
  qrs: { ...count, meaning: "replicas of qr" },
} as const;

export const startTool = defineTool({
  call: "npm start",
  summary: "Runs the whole suite on this machine until Ctrl-C, with Postgres and NATS of its own.",
  details:
    "Data is kept in QRFORGE_DATA_DIR (.qrforge). QRFORGE_PORT is the first edge's port. docs/settings.md has every setting.",
  options,
  run: start,
});

function describeDashboard(demo: Demo | undefined, url: string): string {
  return demo ? `${signInLink(url, demo.token)}   signs in to the demo account, once` : `${url}/`;
}

function describeDemo(demo: Demo | undefined, url: string): string {
  if (!demo) return "There are accounts already; npm run -s admin lists them and makes keys.";
  if (!demo.key) {
    return [
      "The data of the last start is here again. For another key:",
      "",
      `  npm run -s admin -- key create --account ${demo.accountId} --name another`,
    ].join("\n");
  }
  const header = `-H 'x-api-key: ${demo.key}'`;
  const body = `{"name":"My first code","redirect_url":"https://example.com/","slug":"first"}`;
  return [
    `Demo account  ${demo.email}  (${demo.accountId})`,
    `API key       ${demo.key}   shown this once`,
    "",
    "Create a code, read it, scan it:",
    "",
    `  curl -s ${url}/v1/qr-codes ${header} -H 'content-type: application/json' -d '${body}'`,
    `  curl -s ${url}/v1/qr-codes/first ${header}`,
    `  curl -si ${url}/first`,
  ].join("\n");
}

async function start(replicas: Values<typeof options>): Promise<void> {
  const startedAt = performance.now();
  const config = loadConfig(settings);
  const print = (text: string) => process.stdout.write(`${text}\n`);
  const since = () => `${((performance.now() - startedAt) / 1000).toFixed(1)} s`.padStart(7);
  const dataDir = path.resolve(root, config.dataDir);
  const suite = await startSuite({
    dataDir,
    toolsDir: path.resolve(root, config.toolsDir),
    port: config.port,
    replicas: { edge: replicas.edges, auth: replicas.auths, quota: replicas.quotas, qr: replicas.qrs },
    databaseUrl: config.databaseUrl,
    natsUrl: config.natsUrl,
    restart: true,
    onLost: () => process.exit(1),
    tell: (text) => print(`${since()}  ${text}`),
  });

  let stopping = false;
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(signal, () => {
      if (stopping) return;
      stopping = true;
      print(`\n${since()}  stopping`);
      suite.stop().then(
        () => {
          print(`${since()}  stopped`);
          process.exit(0);
        },
        (error) => {
          process.stderr.write(`${error}\n`);
          process.exit(1);
        },
      );
    });
  }

  const urls = suite.edgeUrls().map((url) => url.replace("127.0.0.1", "localhost"));
  const auths = suite.members("auth").map((member) => member.address);
  const demo = await ensureDemo(auths.join(","), dataDir).catch(async (error) => {
    await suite.stop();
    throw new Problem(`The demo account could not be made: ${error.message}`, { cause: error });
  });
  print(`
QRForge is up.

API           ${urls.map((url) => `${url}/v1`).join("  ")}
Dashboard     ${describeDashboard(demo, urls[0] as string)}
Sign-up       ${describeSignUp(suite.signUp)}
${describeDemo(demo, urls[0] as string)}

Ctrl-C stops everything.`);
}

if (import.meta.main) runTool(startTool);
