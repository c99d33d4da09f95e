import { execFile } from "node:child_process";
import { constants, cpSync, mkdirSync, readFileSync, statSync } from "node:fs";
import { chmod, copyFile, cp } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import { root } from "./run.ts";

const run = promisify(execFile);
const stepMaxMs = 240_000;

/** What a Dockerfile's last stage comes to. */
export interface Image {
  /** The tree that the container would have at its working directory. */
  folder: string;
  env: Record<string, string>;
  uid: number;
  gid: number;
  entrypoint: string[];
  healthcheck: string[];
}

/**
 * Follows the steps of a Dockerfile without a container engine, as far as they go: each stage is a folder, what is copied
 * is what .dockerignore lets through, and commands run there on this machine's Node. Knows the instructions that ours has,
 * and fails on any other.
 */
export async function buildImage(into: string): Promise<Image> {
  const stages = new Map<string, string>();
  let folder = "";
  let image: Image = { folder, env: {}, uid: 0, gid: 0, entrypoint: [], healthcheck: [] };
  const inImage = (workdir: string) => path.join(folder, path.relative("/app", path.resolve("/app", workdir)));
  for (const line of readFileSync(path.join(root, "Dockerfile"), "utf8").split("\n")) {
    if (line === "" || line.startsWith("#")) continue;
    const [instruction = "", ...words] = line.split(" ");
    const rest = words.join(" ");
    switch (instruction) {
      case "FROM": {
        const name = words[1] === "AS" ? (words[2] as string) : "last";
        folder = path.join(into, name);
        mkdirSync(folder, { recursive: true });
        stages.set(name, folder);
        image = { ...image, folder, env: {} };
        break;
      }
      case "WORKDIR":
        if (rest !== "/app") throw new Error(`not foreseen: ${line}`);
        break;
      case "ENV":
        for (const entry of words) image.env[entry.split("=")[0] as string] = entry.split("=").slice(1).join("=");
        break;
      case "COPY": {
        const from = words[0]?.startsWith("--from=") ? stages.get(words.shift()?.slice(7) as string) : undefined;
        const to = inImage(words.pop() as string);
        for (const source of words) {
          if (from) await cp(path.join(from, path.relative("/app", source)), to, { recursive: true });
          else copyFromContext(source, statSync(path.join(root, source)).isDirectory() ? to : path.join(to, source));
        }
        break;
      }
      case "RUN":
        await run("sh", ["-c", rest], { cwd: folder, timeout: stepMaxMs, env: { ...process.env, ...image.env } });
        break;
      case "USER": {
        const [uid, gid] = rest.split(":").map(Number);
        image = { ...image, uid: uid as number, gid: gid as number };
        break;
      }
      case "HEALTHCHECK":
        image.healthcheck = JSON.parse(rest.slice(rest.indexOf("CMD ") + 4));
        break;
      case "ENTRYPOINT":
        image.entrypoint = JSON.parse(rest);
        break;
      case "CMD":
      case "LABEL":
        break;
      default:
        throw new Error(`not foreseen: ${line}`);
    }
  }
  return image;
}

/** Copies what .dockerignore lets through: the last pattern that fits a file, or a folder above it, decides. */
function copyFromContext(source: string, to: string): void {
  const patterns = readFileSync(path.join(root, ".dockerignore"), "utf8").split("\n").filter(Boolean);
  cpSync(path.join(root, source), to, {
    recursive: true,
    filter(file) {
      const relative = path.relative(root, file);
      if (statSync(file).isDirectory() && relative.split(path.sep).length === 1) return true;
      let ignored = false;
      for (const pattern of patterns) {
        const glob = pattern.replace(/^!/, "");
        if (path.matchesGlob(relative, glob) || path.matchesGlob(relative, `${glob}/**`))
          ignored = !pattern.startsWith("!");
      }
      return !ignored;
    },
  });
}

/** Puts this process's Node where every user can run it, and answers its folder. */
export async function placeNode(into: string): Promise<string> {
  const folder = path.join(into, "bin");
  mkdirSync(folder, { recursive: true, mode: 0o755 });
  const node = path.join(folder, "node");
  await copyFile(process.execPath, node, constants.COPYFILE_FICLONE);
  await chmod(node, 0o755);
  return folder;
}

/**
 * How a command runs in an image: as its user, with its tree read-only. As root it is really that user; others may only
 * make a namespace of their own, and stay who they are in it.
 */
export function inContainer(image: Image, command: string[]): string[] {
  const readOnly = 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && cd "$0" && exec "$@"';
  const asUser = ["setpriv", `--reuid=${image.uid}`, `--regid=${image.gid}`, "--clear-groups", "--no-new-privs"];
  const isRoot = process.getuid?.() === 0;
  return [
    "unshare",
    ...(isRoot ? ["--mount"] : ["--user", "--map-root-user", "--mount"]),
    ...["sh", "-c", readOnly, image.folder, ...(isRoot ? asUser : []), ...command],
  ];
}

/** Why such commands cannot be run here; undefined if they can. */
export async function cannotContain(folder: string): Promise<string | undefined> {
  const image = { folder, env: {}, uid: 1000, gid: 1000, entrypoint: [], healthcheck: [] };
  const [command = "", ...args] = inContainer(image, ["true"]);
  return run(command, args).then(
    () => undefined,
    (error) => `no mount namespaces here: ${String(error.stderr ?? error.message).trim()}`,
  );
}
