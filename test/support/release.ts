import { execFile } from "node:child_process";
import { mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { root } from "./run.ts";

const run = promisify(execFile);

/** Until there is a tag: the last commit whose schema somebody may have data in. */
const beforeTags = "c466cdf9bce3f14c5567541cb7678ece1d444ee1";

const git = async (...args: string[]) => (await run("git", args, { cwd: root, maxBuffer: 64 << 20 })).stdout;

/** The last release: the newest tag of a version that is not this very commit; undefined where the history is not at hand. */
export async function lastRelease(): Promise<string | undefined> {
  try {
    const tags = (await git("tag", "--list", "v*", "--sort=-version:refname", "--no-contains", "HEAD")).split("\n");
    const release = tags[0] || beforeTags;
    await git("cat-file", "-e", `${release}^{commit}`);
    return release;
  } catch {
    return undefined;
  }
}

/** The files of a release in a folder. */
export async function listRelease(release: string, folder: string): Promise<string[]> {
  return (await git("ls-tree", "-r", "--name-only", release, folder)).split("\n").filter(Boolean);
}

/** Puts a release's code into a folder of its own, with this tree's packages. */
export async function unpackRelease(release: string): Promise<{ folder: string; remove(): Promise<void> }> {
  const folder = await mkdtemp(path.join(tmpdir(), "qrforge-release-"));
  const archive = path.join(folder, "release.tar");
  const there = (await git("ls-tree", "--name-only", release)).split("\n");
  const needed = ["package.json", "gen", "contracts", "platform", "services", "cli", "dev"];
  await git("archive", "--format=tar", "-o", archive, release, ...needed.filter((name) => there.includes(name)));
  await run("tar", ["-xf", archive, "-C", folder]);
  await rm(archive);
  await symlink(path.join(root, "node_modules"), path.join(folder, "node_modules"));
  // The page is not what is tested, and is the same for every release that serves one.
  await symlink(path.join(root, "dashboard"), path.join(folder, "dashboard"));
  return { folder, remove: () => rm(folder, { recursive: true, force: true }) };
}
