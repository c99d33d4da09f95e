import path from "node:path";
import { defineTool, type Input, type Values } from "../cli/command.ts";
import { UserError } from "../cli/errors.ts";
import { signInLink } from "../cli/links.ts";
import { withProgress } from "../cli/progress.ts";
import { runTool } from "../cli/run-tool.ts";
import { noteRunning } from "../cli/running.ts";
import { root, runningDir, settings } from "../cli/settings.ts";
import { type Config, loadConfig } from "../platform/process/config.ts";
import { startCluster } from "./cluster.ts";
import { ensureDemo } from "./demo.ts";
import { chooseLanAddress } from "./lan.ts";
import { tryDatabase, tryNats } from "./preflight.ts";
import { describeStarted } from "./start-text.ts";
import { drawInTerminal } from "./terminal-qr.ts";

const count = { type: "integer", value: "N", default: 1, min: 1, max: 16 } as const satisfies Partial<Input>;
const options = {
  edges: { ...count, meaning: "edges to run" },
  auths: { ...count, meaning: "replicas of auth" },
  quotas: { ...count, meaning: "replicas of quota" },
  qrs: { ...count, meaning: "replicas of qr" },
  lan: { type: "flag", meaning: "serves this network too: codes can be scanned with a phone" },
  lanAddress: { type: "text", value: "ADDRESS", meaning: "like --lan, at this IPv4 address of the machine" },
} as const;

export const startTool = defineTool({
  call: "npm start",
  summary: "Runs the whole suite on this machine until Ctrl-C, with Postgres and NATS of its own.",
  details:
    "Data is kept in QRFORGE_DATA_DIR (.qrforge). QRFORGE_PORT is the first edge's port. docs/settings.md has every setting.",
  options,
  run: start,
});

async function start({ lan, lanAddress, ...replicas }: Values<typeof options>): Promise<void> {
  const startedAt = performance.now();
  const config = loadConfig(settings);
  const print = (text: string) => process.stdout.write(`${text}\n`);
  const since = () => `${((performance.now() - startedAt) / 1000).toFixed(1)} s`.padStart(7);
  const report = (text: string) => print(`${since()}  ${text}`);
  const dataDir = path.resolve(root, config.dataDir);
  const inLan = lan || lanAddress ? await chooseLanAddress(lanAddress) : undefined;
  await tryServers(config, report);
  const cluster = await startCluster({
    ...config,
    rolePasswords: { auth: config.authRolePassword, quota: config.quotaRolePassword, qr: config.qrRolePassword },
    dataDir,
    toolsDir: path.resolve(root, config.toolsDir),
    host: inLan?.address,
    replicas: { edge: replicas.edges, auth: replicas.auths, quota: replicas.quotas, qr: replicas.qrs },
    restart: true,
    onLost: () => process.exit(1),
    report,
  });
  const forget = await noteRunning(runningDir, dataDir);

  let stopping = false;
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(signal, () => {
      if (stopping) return;
      stopping = true;
      print(`\n${since()}  stopping`);
      withProgress("stopping", report, cluster.stop().then(forget)).then(
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

  const auths = cluster.members("auth").map((member) => member.address);
  const demo = await ensureDemo(auths.join(","), dataDir).catch(async (error) => {
    await cluster.stop().then(forget);
    throw new UserError(`The demo account could not be made: ${error.message}`, { cause: error });
  });
  const { publicUrl: url, shortUrlBase, signUp } = cluster;
  const [, ...moreUrls] = cluster.edgeUrls().map((one) => one.replace("127.0.0.1", "localhost"));
  const link = demo ? signInLink(url, demo.phoneToken) : `${url}/`;
  const others = inLan?.others.map(({ address, name }) => `${address} (${name})`) ?? [];
  const phone = inLan && { link, symbol: symbolOf(link), others };
  const isDefaultDataDir = dataDir === path.resolve(root, settings.dataDir.default as string);
  print(describeStarted({ url, moreUrls, shortUrlBase, signUp, demo, dataDir, isDefaultDataDir, lan: phone }));
}

/** Connects to the servers of DATABASE_URL and NATS_URL first, so that a mistake shows at once. */
async function tryServers(config: Config<typeof settings>, report: (text: string) => void): Promise<void> {
  const { databaseUrl, databasePassword, natsUrl, natsPassword } = config;
  if (databaseUrl) await withProgress("Postgres", report, tryDatabase(databaseUrl, databasePassword));
  if (natsUrl) await withProgress("NATS", report, tryNats(natsUrl, natsPassword, report));
}

/** A QR code for a terminal that is wide enough for it; else nothing. */
function symbolOf(text: string): string[] {
  const { isTTY, columns } = process.stdout;
  const lines = drawInTerminal(text);
  return isTTY && columns > lines.length * 2 + 2 ? lines : [];
}

if (import.meta.main) runTool(startTool);
