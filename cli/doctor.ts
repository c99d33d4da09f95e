import { version } from "../platform/process/build-info.ts";
import { type Config, loadConfig } from "../platform/process/config.ts";
import { defineTool } from "./command.ts";
import { checkDatabase } from "./doctor/database.ts";
import { type Finding, wrong } from "./doctor/finding.ts";
import { checkMail } from "./doctor/mail.ts";
import { checkNats } from "./doctor/nats.ts";
import { checkProcesses, type Target, targetsOf } from "./doctor/processes.ts";
import { findCluster } from "./find-cluster.ts";
import { runTool } from "./run-tool.ts";
import { operatorSettings } from "./settings.ts";

export const doctorTool = defineTool({
  call: "npm run -s doctor",
  summary: "Checks a deployment: database, NATS, mail, clocks, certificates, versions, leases. It changes nothing.",
  details: `It looks at the suite that npm start runs here, or at what DATABASE_URL, NATS_URL, AUTH_METRICS, QUOTA_METRICS, QR_METRICS
and EDGE_METRICS name.

Exit code: 0 if nothing is wrong, 1 if something is, 2 if it could not look.`,
  options: { json: { type: "flag", meaning: "prints one JSON object" } },
  failureCode: 2,
  run: ({ json }) => examine(json),
});

const marks = { good: "✓", warn: "!", wrong: "✗" };

interface Deployment {
  databaseUrl: string;
  natsUrl: string;
  targets: Target[];
}

async function find(config: Config<typeof operatorSettings>): Promise<Deployment> {
  const named = {
    auth: config.authMetrics,
    quota: config.quotaMetrics,
    qr: config.qrMetrics,
    edge: config.edgeMetrics,
  };
  if (config.databaseUrl !== "" && Object.values(named).some((address) => address !== undefined)) {
    return { databaseUrl: config.databaseUrl, natsUrl: config.natsUrl, targets: await targetsOf(named) };
  }
  const orElse = "set DATABASE_URL and AUTH_METRICS, QUOTA_METRICS, QR_METRICS, EDGE_METRICS";
  const listed = await findCluster(config.dataDir, orElse);
  const members = { auth: listed.auth, quota: listed.quota, qr: listed.qr, edge: listed.edges };
  const targets = Object.entries(members).flatMap(([service, all]) =>
    all.map(({ metrics: url }) => ({ service, url })),
  );
  return { databaseUrl: listed.postgres.url, natsUrl: listed.nats?.url ?? "", targets };
}

function print(findings: Finding[]): void {
  const widest = Math.max(...findings.map(({ area }) => area.length));
  const colors = process.stdout.isTTY
    ? { good: "\x1b[32m", warn: "\x1b[33m", wrong: "\x1b[31m", end: "\x1b[0m" }
    : undefined;
  for (const { area, level, text, advice } of findings) {
    const mark = colors ? `${colors[level]}${marks[level]}${colors.end}` : marks[level];
    process.stdout.write(`${mark} ${area.padEnd(widest)}  ${text}\n`);
    if (advice) process.stdout.write(`  ${" ".repeat(widest)}  → ${advice}\n`);
  }
  const count = (level: Finding["level"]) => findings.filter((finding) => finding.level === level).length;
  process.stdout.write(`\n${count("good")} good, ${count("warn")} to look at, ${count("wrong")} wrong\n`);
}

async function examine(json: boolean): Promise<void> {
  const config = loadConfig(operatorSettings);
  const { databaseUrl, natsUrl, targets } = await find(config);
  // What cannot be looked at at all is a finding as well, and the rest is looked at nevertheless.
  const attempt = (area: string, check: Promise<Finding[]>) =>
    check.catch((error) => [wrong(area, (error as Error).message, "See whether it can be reached from here.")]);
  const database = await attempt("database", checkDatabase({ ...config, databaseUrl }));
  const others = await Promise.all([
    attempt("nats", checkNats({ url: natsUrl, password: config.natsPassword, replicas: config.natsReplicas })),
    attempt("mail", checkMail(config.smtpUrl)),
    attempt("services", checkProcesses(targets, version)),
  ]);
  const findings = [...database, ...others.flat()];
  if (json) process.stdout.write(`${JSON.stringify({ version, findings })}\n`);
  else print(findings);
  process.exit(findings.some(({ level }) => level === "wrong") ? 1 : 0);
}

if (import.meta.main) runTool(doctorTool);
