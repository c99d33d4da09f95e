import { lookup } from "node:dns/promises";
import { reachOf } from "../../platform/short-url-base.ts";
import { type Finding, good, judgeClock, warn, wrong } from "./finding.ts";

/** A process that serves metrics. */
export interface Target {
  service: string;
  url: string;
}

/** Data that a process reports in its metrics. */
interface Report extends Target {
  version: string;
  node: string;
  /** Offset of its clock from this machine's, and the uncertainty of it, in ms. */
  aheadMs: number;
  errorMs: number;
  /** Expiry of certificates by their use, in ms since the Unix epoch. */
  certificates: Map<string, number>;
  /** Remaining time of an edge's leases, in seconds. */
  leases: Map<string, number>;
  /** Base of short URLs, if it creates any. */
  shortUrlBase: string | undefined;
}

const timeoutMs = 3_000;
const dayMs = 86_400_000;
const certificateDays = { warn: 21, wrong: 7 };

/** Returns all processes behind host names, one for each address. */
export async function targetsOf(named: Record<string, { host: string; port: number } | undefined>): Promise<Target[]> {
  const targets: Target[] = [];
  for (const [service, address] of Object.entries(named)) {
    if (!address) continue;
    const { host, port } = address;
    const found = await lookup(host, { all: true }).catch(() => []);
    // Includes a name without an address, so that the finding reports it.
    for (const { address: ip, family } of found.length > 0 ? found : [{ address: host, family: 4 }]) {
      targets.push({ service, url: `http://${family === 6 ? `[${ip}]` : ip}:${port}/metrics` });
    }
  }
  return targets;
}

/** Checks whether the processes are reachable, and their versions, clocks, certificates and leases. */
export async function checkProcesses(targets: Target[], version: string): Promise<Finding[]> {
  const answers = await Promise.all(
    targets.map((target) => ask(target).catch((error: Error) => ({ ...target, error }))),
  );
  const found: Finding[] = [];
  const reports: Report[] = [];
  for (const answer of answers) {
    if ("error" in answer) {
      const cause = (answer.error.cause as Error | undefined)?.message || answer.error.message;
      found.push(
        wrong("services", `${answer.service} at ${answer.url}: ${cause}`, "See whether it runs, and its logs."),
      );
    } else reports.push(answer);
  }
  for (const service of ["auth", "quota", "qr", "edge"]) {
    const count = reports.filter((report) => report.service === service).length;
    if (count > 0) found.push(good("services", `${service}: ${count} running`));
    else if (!targets.some((target) => target.service === service)) {
      found.push(warn("services", `${service} was not looked at`, `Set ${service.toUpperCase()}_METRICS.`));
    }
  }
  return [
    ...found,
    ...judgeVersions(reports, version),
    ...judgeClocks(reports),
    ...reports.flatMap(judgeCertificates),
    ...reports.flatMap(judgeLeases),
    ...judgeShortUrls([...new Set(reports.flatMap(({ shortUrlBase }) => shortUrlBase ?? []))].sort()),
  ];
}

const nameOf = ({ service, url }: Target) => `${service} at ${new URL(url).host}`;

/** Returns a finding for each wrong clock, and one for all correct ones. */
function judgeClocks(reports: Report[]): Finding[] {
  const judged = reports.map((report) => judgeClock(nameOf(report), report.aheadMs, report.errorMs));
  const off = judged.filter(({ level }) => level !== "good");
  return off.length < judged.length ? [good("clocks", "the services agree with this machine"), ...off] : off;
}

async function ask(target: Target): Promise<Report> {
  const before = Date.now();
  const response = await fetch(target.url, { signal: AbortSignal.timeout(timeoutMs) });
  if (!response.ok) throw new Error(`it answered ${response.status}`);
  const text = await response.text();
  const errorMs = (Date.now() - before) / 2;
  const series = readMetrics(text);
  const [build] = series.filter(({ name }) => name === "qrforge_build_info");
  const clock = series.find(({ name }) => name === "qrforge_clock_seconds");
  if (!build || !clock) throw new Error("it is not a service of QRForge, or one of before 0.1.0");
  const leases = series.flatMap(({ name, value }) => {
    const [, what] = /^qrforge_(\w+)_lease_seconds$/.exec(name) ?? [];
    return what ? [[what, value] as const] : [];
  });
  const certificates = series.filter(({ name }) => name === "qrforge_certificate_expiry_seconds");
  return {
    ...target,
    version: build.labels.version ?? "",
    node: build.labels.node ?? "",
    aheadMs: clock.value * 1_000 - before - errorMs,
    errorMs,
    certificates: new Map(certificates.map(({ labels, value }) => [labels.use ?? "", value * 1_000])),
    leases: new Map(leases),
    shortUrlBase: series.find(({ name }) => name === "qrforge_short_url_base_info")?.labels.base,
  };
}

/** Parses metrics: https://prometheus.io/docs/instrumenting/exposition_formats/ */
function readMetrics(text: string): { name: string; labels: Record<string, string>; value: number }[] {
  return [...text.matchAll(/^(\w+)(?:\{(.*)\})? (\S+)/gm)].map(([, name = "", labels = "", value]) => ({
    name,
    labels: Object.fromEntries(
      [...labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, key, label]) => [key, label]),
    ),
    value: Number(value),
  }));
}

function judgeVersions(reports: Report[], own: string): Finding[] {
  const versions = [...new Set(reports.map(({ version, node }) => `${version} on Node ${node}`))].sort();
  if (versions.length === 0) return [];
  if (versions.length > 1) {
    return [
      warn("versions", versions.join(", "), "Fine while an upgrade is under way; else finish it or roll it back."),
    ];
  }
  if (reports[0]?.version !== own) {
    return [
      warn("versions", `all are ${versions[0]}, and this is ${own}`, "Run the doctor of the version that is deployed."),
    ];
  }
  return [good("versions", `all are ${versions[0]}`)];
}

function judgeCertificates(report: Report): Finding[] {
  return [...report.certificates].map(([use, ends]) => {
    const days = Math.floor((ends - Date.now()) / dayMs);
    const text = `${nameOf(report)}: its certificate (${use}) ${days < 0 ? "has ended" : `ends in ${days} days`}`;
    const advice = "Renew it, or see why cert-manager does not; a new file is used within a minute, without a restart.";
    if (days < certificateDays.wrong) return wrong("certificates", text, advice);
    if (days < certificateDays.warn) return warn("certificates", text, advice);
    return good("certificates", text);
  });
}

function judgeLeases(report: Report): Finding[] {
  return [...report.leases]
    .filter(([, seconds]) => seconds === 0)
    .map(([what]) =>
      wrong(
        "leases",
        `${nameOf(report)} has none on ${what}s`,
        `It asks about every ${what}. Look at ${what === "key" ? "auth" : "qr"}, its database and the network between.`,
      ),
    );
}

/** Checks the base of short URLs, which printed codes contain permanently. `bases` are the distinct ones of all qr replicas. */
function judgeShortUrls(bases: string[]): Finding[] {
  const area = "short URLs";
  if (bases.length > 1) {
    const advice = "Set SHORT_URL_BASE alike for all replicas of qr.";
    return [wrong(area, `codes encode ${bases.join(" or ")}, by the replica that answers`, advice)];
  }
  return bases.map((base) => {
    const reach = reachOf(base);
    if (reach === "public") return good(area, `codes encode ${base}/...`);
    const where = reach === "loopback" ? "on the machine that serves them alone" : "inside its network alone";
    const advice = "Set SHORT_URL_BASE to the address that scanners will reach before a code is printed.";
    return warn(area, `codes encode ${base}/..., which works ${where}`, advice);
  });
}
