import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { formatApiKey } from "../../../contracts/api-key.ts";
import type { Cluster, Kind, Member } from "../../../dev/cluster.ts";
import { randomBase62 } from "../../../platform/ids.ts";
import { eventually, type openAuth, wait } from "../../support/api.ts";
import type { Attack } from "../attack.ts";
import { hold } from "../hold.ts";
import type { Target } from "../target.ts";

/** What a fault acts on: a cluster of this machine whose processes may be ended. */
export interface FaultTarget {
  cluster: Cluster;
  auth: ReturnType<typeof openAuth>;
  /** Folder of all processes' logs. */
  logs: string;
}

/** Longest time until everything works again after a fault, in ms. */
const recoveryMaxMs = 60_000;

const kinds: readonly Kind[] = ["auth", "quota", "qr", "edge"];

/** Waits until a scan, a read and a change are served again. Returns how long it took. */
async function worksAgain(target: Target): Promise<string> {
  const startedAt = performance.now();
  const statuses = async () => {
    const { key, codeId, slug } = target.victim;
    const body = { name: `n${performance.now()}` };
    const answers = await Promise.all([
      target.call(`/${slug}`),
      target.call(`/v1/qr-codes/${codeId}`, { key }),
      target.call(`/v1/qr-codes/${codeId}`, { method: "PATCH", key, body }),
    ]).catch(() => []);
    return answers.map(({ status }) => status).join();
  };
  await eventually(statuses, (seen) => seen === "302,200,200", recoveryMaxMs);
  return `all served after ${((performance.now() - startedAt) / 1_000).toFixed(1)} s`;
}

/**
 * Waits for the minute in which guesses of keys are over: until then this address may not ask about keys that an edge has
 * forgotten, which all are after a fault.
 */
async function guessesAreOver(target: Target): Promise<void> {
  const guess = () => target.call("/v1/usage", { key: formatApiKey(randomBase62(26)) });
  await eventually(guess, ({ status }) => status === 401, 70_000);
}

/** Attacks on processes and servers, which only a cluster that this command started is put through. */
export function faultAttacks({ cluster, auth, logs }: FaultTarget): Attack[] {
  const first = (kind: Kind) => cluster.members(kind)[0] as Member;
  const killed = (kind: Kind): Attack => ({
    kind: "faults",
    name: `${kind} killed`,
    promise: "A new process serves everything again.",
    async run(target) {
      const member = first(kind);
      const { pid } = member.child;
      member.child.kill("SIGKILL");
      await eventually(
        async () => first(kind).child.pid,
        (now) => now !== undefined && now !== pid,
        recoveryMaxMs,
      );
      return worksAgain(target);
    },
  });
  const hung = (kind: Kind): Attack => ({
    kind: "faults",
    name: `${kind} stopped for 4 s`,
    promise: "Requests end by their own time, and everything is served again.",
    async run(target) {
      const { child } = first(kind);
      child.kill("SIGSTOP");
      const resume = setTimeout(() => child.kill("SIGCONT"), 4_000);
      try {
        const read = () =>
          target.call("/v1/usage", { key: target.victim.key }).then(
            ({ status }) => status,
            () => 0,
          );
        const status = await read();
        hold(kind === "edge" || [200, 503, 504].includes(status), `a call meanwhile: ${status}`);
        await new Promise((resolve) => setTimeout(resolve, 4_100));
        return `a call meanwhile ${status}; ${await worksAgain(target)}`;
      } finally {
        clearTimeout(resume);
        child.kill("SIGCONT");
      }
    },
  });
  const serverKilled = (server: "postgres" | "nats"): Attack => ({
    kind: "faults",
    name: `${server} killed`,
    promise: "What was acknowledged is there, and everything is served again.",
    async run(target) {
      const { key } = target.victim;
      const body = { name: "kept", redirect_url: "https://example.com/kept" };
      const created = await target.call("/v1/qr-codes", { key, body });
      hold(created.status === 201, `create: ${created.status}`);
      const pid = cluster.servers()[server]?.pid as number;
      process.kill(pid, "SIGKILL");
      await eventually(
        async () => cluster.servers()[server]?.pid,
        (now) => now !== undefined && now !== pid,
        recoveryMaxMs,
      );
      const seen = await worksAgain(target);
      const kept = await target.call(`/v1/qr-codes/${created.body.data.id}`, { key });
      hold(kept.status === 200, `the code that was acknowledged: ${kept.status}`);
      return seen;
    },
  });
  const faults: Attack[] = [
    ...kinds.map(hung),
    ...kinds.map(killed),
    serverKilled("postgres"),
    serverKilled("nats"),
    {
      kind: "faults",
      name: "a key revoked while NATS is away",
      promise: "It is dead when the call returns.",
      async run(target) {
        const { key, keyId } = await auth.newAccount();
        const use = () => target.call("/v1/usage", { key });
        await eventually(use, ({ status }) => status === 200);
        await cluster.command({ stop: "nats" });
        try {
          await auth.keys.revokeKey({ keyId }, wait);
          const { status } = await use();
          hold(status === 401, `the revoked key: ${status}`);
        } finally {
          await cluster.command({ start: "nats" });
        }
        return `401; ${await worksAgain(target)}`;
      },
    },
    {
      kind: "faults",
      name: "keys in the logs of all that came before",
      promise: "There are none.",
      async run() {
        const files = await readdir(logs);
        for (const file of files) {
          const text = await readFile(path.join(logs, file), "utf8");
          hold(!/api_live_[0-9A-Za-z]{32}/.test(text), `${file} holds a key`);
        }
        return `${files.length} files without one`;
      },
    },
  ];
  return faults.map((fault) => ({
    ...fault,
    async run(target) {
      await guessesAreOver(target);
      return await fault.run(target);
    },
  }));
}
