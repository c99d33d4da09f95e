/**
 * Attacks a running deployment from outside and prints what held. With --own it starts a deployment for this, whose processes,
 * Postgres and NATS it stops and kills as well.
 *
 *     npm run attack [-- --help]
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { setDefaultCACertificates } from "node:tls";
import { UserError } from "../../cli/errors.ts";
import { findCluster } from "../../cli/find-cluster.ts";
import { readScriptOptions } from "../../cli/run-tool.ts";
import { settings as launcherSettings } from "../../cli/settings.ts";
import { type Column, table } from "../../cli/table.ts";
import type { Member } from "../../dev/cluster.ts";
import { startEphemeralCluster } from "../../dev/ephemeral-cluster.ts";
import { loadConfig, secret } from "../../platform/process/config.ts";
import { addressesOf } from "../support/addresses.ts";
import { openAuth } from "../support/api.ts";
import { createMutualTls, createPublicTls } from "../support/tls-files.ts";
import { type Attack, kinds, type Outcome, runAttacks } from "./attack.ts";
import { faultAttacks } from "./attacks/faults.ts";
import { networkAttacks } from "./attacks/index.ts";
import { newKeys, openTarget, type TargetOptions } from "./target.ts";

const options = readScriptOptions({
  call: "npm run attack",
  summary: "Attacks a deployment that is yours, and prints a table of what held.",
  options: {
    url: {
      type: "text",
      value: "URL",
      meaning:
        "attacks the edge there, with the keys of two accounts in ATTACK_VICTIM_KEY and ATTACK_ATTACKER_KEY; left out, what npm start runs here",
    },
    rpc: { type: "text", value: "URL", meaning: "where that edge serves gRPC; left out, those attacks are not made" },
    tls: { type: "flag", meaning: "with --own: over TLS, and with mutual TLS between the services" },
    own: { type: "flag", meaning: "starts a deployment for this, and stops and kills its processes, too" },
    kind: { type: "text", choices: kinds, repeatable: true, meaning: "only attacks of this kind" },
    percent: { type: "integer", value: "N", default: 100, min: 1, max: 100, meaning: "share of the full numbers" },
    elsewhere: { type: "flag", meaning: "allows a URL that is not on this machine" },
    json: { type: "flag", meaning: "prints one JSON object for each attack" },
  },
});

interface Opened {
  target: Omit<TargetOptions, "scale">;
  attacks: readonly Attack[];
  end(): Promise<void>;
}

async function openOwn(): Promise<Opened> {
  const folder = await mkdtemp(path.join(tmpdir(), "qrforge-attack-"));
  const tls = options.tls ? await createTls(folder) : undefined;
  const { cluster, dataDir, end } = await startEphemeralCluster({ restart: true, ...(tls && { env: tls.env }) });
  const auth = openAuth(addressesOf(cluster, "auth"), tls?.operator);
  const [edge] = cluster.members("edge") as [Member];
  const faults = faultAttacks({ cluster, auth, logs: path.join(dataDir, "logs") });
  return {
    target: {
      edge: `${tls ? "https" : "http"}://${edge.address}`,
      rpc: `${tls ? "https" : "http"}://${edge.rpc}`,
      ...(await newKeys(auth)),
    },
    attacks: [...networkAttacks, ...faults],
    async end() {
      auth.close();
      await end();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Makes certificates for everything, and lets this process trust those of the edge. */
async function createTls(folder: string) {
  const [outside, inside] = [await createPublicTls(folder), await createMutualTls(folder)];
  setDefaultCACertificates([outside.ca]);
  return {
    env: { ...inside.env, edge: { ...inside.env.edge, ...outside.env } },
    operator: inside.files.operator,
  };
}

async function openRunning(): Promise<Opened> {
  const { dataDir } = loadConfig({ dataDir: launcherSettings.dataDir });
  const found = await findCluster(dataDir, "say --own or --url");
  const [edge] = found.edges;
  if (!edge) throw new UserError("The deployment here has no edge yet: wait until npm start says it is ready.");
  const auth = openAuth(found.auth.map(({ address }) => address));
  return {
    target: { edge: edge.url, rpc: `http://${edge.rpc}`, ...(await newKeys(auth)) },
    attacks: networkAttacks,
    end: async () => auth.close(),
  };
}

/** Whether a URL is of this machine. */
function isLocal(url: string): boolean {
  return ["localhost", "127.0.0.1", "[::1]"].includes(new URL(url).hostname);
}

async function openElsewhere(url: string): Promise<Opened> {
  if (!URL.canParse(url)) throw new UserError("--url must be a URL, such as http://localhost:8080.");
  if (!isLocal(url) && !options.elsewhere) {
    throw new UserError(`${url} is not on this machine. Attack only what is yours, and say so with --elsewhere.`);
  }
  const { victimKey, attackerKey } = loadConfig({
    victimKey: secret("ATTACK_VICTIM_KEY", "key of the account that must not be harmed"),
    attackerKey: secret("ATTACK_ATTACKER_KEY", "key of another account, which attacks"),
  });
  if (!victimKey || !attackerKey) {
    throw new UserError("Set ATTACK_VICTIM_KEY and ATTACK_ATTACKER_KEY to the keys of two accounts made for this.");
  }
  const edge = url.replace(/\/+$/, "");
  return { target: { edge, rpc: options.rpc, victimKey, attackerKey }, attacks: networkAttacks, end: async () => {} };
}

const columns: Column<Outcome>[] = [
  { title: "KIND", of: ({ kind }) => kind },
  { title: "ATTACK", of: ({ name }) => name, shrinks: true },
  { title: "", of: ({ held }) => (held ? "held" : "BROKEN") },
  { title: "SECONDS", of: ({ seconds }) => seconds },
  { title: "SEEN", of: ({ seen }) => seen, shrinks: true },
];

async function main(): Promise<void> {
  const opened = options.own ? await openOwn() : await (options.url ? openElsewhere(options.url) : openRunning());
  try {
    const attacks = opened.attacks.filter(({ kind }) => options.kind.length === 0 || options.kind.includes(kind));
    const { target, end } = await openTarget({ ...opened.target, scale: options.percent / 100 });
    const outcomes = await runAttacks(attacks, target, (outcome) => {
      if (options.json) process.stdout.write(`${JSON.stringify(outcome)}\n`);
      else process.stderr.write(`${outcome.held ? "held  " : "BROKEN"}  ${outcome.kind}: ${outcome.name}\n`);
    });
    await end();
    const broken = outcomes.filter(({ held }) => !held);
    if (!options.json) {
      process.stdout.write(
        `\n${table(columns, outcomes)}\n\n${outcomes.length - broken.length} of ${outcomes.length} held\n`,
      );
      for (const { name, promise, seen } of broken)
        process.stdout.write(`\nBROKEN: ${name}\n  promised: ${promise}\n  seen: ${seen}\n`);
    }
    if (broken.length > 0) process.exitCode = 1;
  } finally {
    await opened.end();
  }
}

await main().catch((error) => {
  if (!(error instanceof UserError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
});
