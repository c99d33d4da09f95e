import path from "node:path";
import { parseArgs } from "node:util";
import { loadConfig } from "../platform/config.ts";
import { type Demo, ensureDemo, signInLink } from "./demo.ts";
import { Problem, runCommand } from "./problem.ts";
import { root, settings } from "./settings.ts";
import { type Kind, startSuite } from "./suite.ts";

const usage = "npm start -- [--edges N] [--auths N] [--quotas N] [--qrs N]";
const replicasMax = 16;

function readReplicas(args: string[]): Record<Kind, number> {
  const option = { type: "string", default: "1" } as const;
  let values: Record<string, string>;
  try {
    values = parseArgs({ args, options: { edges: option, auths: option, quotas: option, qrs: option } }).values;
  } catch (error) {
    throw new Problem(`${(error as Error).message.split("\n")[0]} Usage: ${usage}`, { cause: error });
  }
  const read = (name: string) => {
    const count = Number(values[name]);
    if (!Number.isInteger(count) || count < 1 || count > replicasMax) {
      throw new Problem(`--${name} must be from 1 to ${replicasMax}. Usage: ${usage}`);
    }
    return count;
  };
  return { edge: read("edges"), auth: read("auths"), quota: read("quotas"), qr: read("qrs") };
}

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

async function main(): Promise<void> {
  const startedAt = performance.now();
  const config = loadConfig(settings);
  const print = (text: string) => process.stdout.write(`${text}\n`);
  const since = () => `${((performance.now() - startedAt) / 1000).toFixed(1)} s`.padStart(7);
  const dataDir = path.resolve(root, config.dataDir);
  const suite = await startSuite({
    dataDir,
    toolsDir: path.resolve(root, config.toolsDir),
    port: config.port,
    replicas: readReplicas(process.argv.slice(2)),
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
${describeDemo(demo, urls[0] as string)}

Ctrl-C stops everything.`);
}

runCommand(main);
