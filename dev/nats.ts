import { type ChildProcess, execFile, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { access, chmod, constants, mkdir, open, readdir, rename, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import { type NatsClient, natsAuthorization } from "../platform/messaging/users.ts";

const run = promisify(execFile);
const fetchMaxMs = 120_000;

/**
 * Finds nats-server: on the PATH, else Debian's package unpacked under `toolsDir`. Returns its path, or in a few words why
 * there is none.
 */
export async function findNatsServer(
  toolsDir: string,
  report: (text: string) => void,
): Promise<{ binary: string } | { missing: string }> {
  const name = process.platform === "win32" ? "nats-server.exe" : "nats-server";
  for (const folder of (process.env.PATH ?? "").split(path.delimiter)) {
    const candidate = path.join(folder, name);
    if (folder !== "" && (await isExecutable(candidate))) return { binary: candidate };
  }
  const unpacked = path.join(toolsDir, "nats", "usr", "bin", name);
  const ownPackage = path.join(toolsDir, "nats", "usr", "sbin", name);
  for (const candidate of [unpacked, ownPackage]) if (existsSync(candidate)) return { binary: candidate };
  report("nats-server: fetching Debian's package");
  try {
    await fetchPackage(toolsDir);
  } catch (error) {
    return { missing: whyNotFetched(error) };
  }
  for (const candidate of [unpacked, ownPackage]) if (existsSync(candidate)) return { binary: candidate };
  return { missing: "the package holds no nats-server" };
}

function whyNotFetched(error: unknown): string {
  const { code, syscall, path: program, killed, stderr } = error as Partial<Record<string, string>>;
  if (code === "ENOENT" && syscall?.startsWith("spawn")) return `it can only be fetched where there is ${program}`;
  if (killed) return `fetching it took over ${fetchMaxMs / 1_000} s`;
  const last = String(stderr ?? "").trim();
  return `it could not be fetched: ${last.split("\n").at(-1) || (error as Error).message}`;
}

async function isExecutable(file: string): Promise<boolean> {
  try {
    await access(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/**
 * Has apt-get download the package and unpacks it, without root and without touching the system's state. The system's
 * package lists do if they are there; else lists of our own are fetched.
 */
async function fetchPackage(toolsDir: string): Promise<void> {
  const work = path.join(toolsDir, `fetch-${process.pid}`);
  try {
    const state = path.join(work, "state");
    const cache = path.join(work, "cache");
    await mkdir(path.join(state, "lists", "partial"), { recursive: true });
    await mkdir(path.join(cache, "archives", "partial"), { recursive: true });
    const options = { cwd: work, timeout: fetchMaxMs };
    const ownState = [`Dir::State=${state}`, `Dir::Cache=${cache}`, "Acquire::Languages=none", "APT::Sandbox::User="];
    const asArguments = (settings: string[]) => settings.flatMap((setting) => ["-o", setting]);
    const download = ["download", "nats-server"];
    try {
      await run("apt-get", [...asArguments([`Dir::Cache=${cache}`, "APT::Sandbox::User="]), ...download], options);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") throw error;
      await run("apt-get", [...asArguments(ownState), "update"], options);
      await run("apt-get", [...asArguments(ownState), ...download], options);
    }
    const file = (await readdir(work)).find((name) => name.endsWith(".deb"));
    if (!file) throw new Error("apt-get downloaded nothing");
    const unpacked = path.join(work, "nats");
    await run("dpkg-deb", ["-x", path.join(work, file), unpacked], options);
    await rm(path.join(toolsDir, "nats"), { recursive: true, force: true });
    await rename(unpacked, path.join(toolsDir, "nats"));
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/**
 * Starts a server on a loopback port, with JetStream keeping its files in a folder, and with the users of the services. Their
 * passwords are in a file that its owner alone reads.
 */
export async function spawnNats(
  binary: string,
  options: { port: number; folder: string; passwords: Record<NatsClient, string>; logFile: string },
): Promise<ChildProcess> {
  const { port, folder } = options;
  const config = path.join(folder, "nats.json");
  await mkdir(folder, { recursive: true });
  await writeFile(config, "", { mode: 0o600 });
  await chmod(config, 0o600);
  const content = {
    listen: `127.0.0.1:${port}`,
    jetstream: { store_dir: folder },
    authorization: natsAuthorization((client) => options.passwords[client]),
  };
  await writeFile(config, JSON.stringify(content, null, 2));
  const log = await open(options.logFile, "a", 0o600);
  const child = spawn(binary, ["-c", config], { stdio: ["ignore", log.fd, log.fd] });
  child.once("spawn", () => void log.close());
  return child;
}
