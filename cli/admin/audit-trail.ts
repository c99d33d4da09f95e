/** How `audit verify` checks the trail: stretch by stretch, with the heads that were kept. */
import type { SignedAuditHead } from "../../platform/audit-head.ts";
import { type Admin, wait } from "./context.ts";

interface Fault {
  /** The first entry that is not in order; null if none is to blame. */
  sequence: number | null;
  problem: string;
}

interface Checked {
  entries: number;
  /** The hash of the last entry in hex; null without entries. */
  head: string | null;
  /** The entry of `--since`. */
  since?: number;
  /** Signed heads that agree with the trail. */
  heads?: number;
}

type Stretch = { checked: bigint; hash: Uint8Array<ArrayBuffer>; since: number; fault: Fault | undefined };

/** Checks the whole trail, and that it contains a hash and signed heads. */
export async function verifyTrail(
  audit: Admin["audit"],
  anchors: { since: string | undefined; heads: SignedAuditHead[] | undefined },
): Promise<Checked & { fault?: Fault }> {
  let at: Stretch = { checked: 0n, hash: new Uint8Array(), since: 0, fault: undefined };
  const heads = anchors.heads?.toSorted((one, other) => one.count - other.count) ?? [];
  const result = (): Checked => ({
    entries: Number(at.checked),
    head: at.checked > 0n ? Buffer.from(at.hash).toString("hex") : null,
    ...(anchors.since !== undefined && { since: at.since }),
    ...(anchors.heads && { heads: heads.length }),
  });
  for (const { count, hash, time } of heads) {
    at = await verifyUntil(audit, at, { until: BigInt(count), since: anchors.since });
    if (at.fault) return { ...result(), fault: at.fault };
    if (at.checked < count) {
      const fault = {
        sequence: Number(at.checked) + 1,
        problem: `was removed: the head of ${time} has ${count} entries`,
      };
      return { ...result(), fault };
    }
    if (Buffer.from(at.hash).toString("hex") !== hash) {
      const fault = { sequence: count, problem: `or an earlier one was altered since the head of ${time} was signed` };
      return { ...result(), fault };
    }
  }
  at = await verifyUntil(audit, at, { until: 0n, since: anchors.since });
  if (at.fault) return { ...result(), fault: at.fault };
  if (anchors.since !== undefined && at.since === 0) {
    const problem = `The trail does not contain the hash ${anchors.since}: entries up to it were altered or removed.`;
    return { ...result(), fault: { sequence: null, problem } };
  }
  return result();
}

/** Checks the entries up to `until`, or all if it is 0. Prints progress to stderr. */
async function verifyUntil(
  audit: Admin["audit"],
  from: Stretch,
  { until, since = "" }: { until: bigint; since: string | undefined },
): Promise<Stretch> {
  let at = from;
  if (until !== 0n && at.checked >= until) return at;
  for (;;) {
    const request = { checked: at.checked, hash: at.hash, until, since: Buffer.from(since, "hex") };
    const answer = await audit.verifyAuditTrail(request, wait);
    at = {
      checked: answer.checked,
      hash: new Uint8Array(answer.hash),
      since: Number(answer.sinceSequence) || at.since,
      fault: answer.fault === 0n ? undefined : { sequence: Number(answer.fault), problem: answer.problem },
    };
    if (answer.done) return at;
    process.stderr.write(`${at.checked} of ${answer.total} entries are in order so far\n`);
  }
}

export function describeFault({ sequence, problem }: Fault): string {
  return sequence === null ? problem : `Entry ${sequence} ${problem}.`;
}

export function describeTrail({ entries, head, since, heads }: Checked): string {
  const lines = [`The audit trail is in order: ${entries} entries.`];
  if (since !== undefined) lines.push(`The kept hash is the one of entry ${since}.`);
  if (heads !== undefined) lines.push(`Signed heads that agree with it: ${heads}.`);
  if (head !== null) lines.push(`Its head, to keep for audit verify --since: ${head}`);
  return lines.join("\n");
}
