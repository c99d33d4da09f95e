import { Plan } from "../../gen/qrforge/auth/v1/account_pb.ts";
import { ServiceError } from "../../platform/errors.ts";
import type { Deployment } from "./deployment.ts";
import { email } from "./names.ts";
import type { PlannedAccount, PlannedKey } from "./plan.ts";
import { stream } from "./random.ts";
import { dayMs } from "./scans.ts";
import { wait } from "./work.ts";

/** A created key, and the period in which the seed shows it as used. */
export interface MadeKey {
  keyId: string;
  createdMs: number;
  /** End of its use; undefined while it is active. */
  endedMs: number | undefined;
  /** Last use; undefined if it was never used. */
  lastUsedMs: number | undefined;
  perDay: number;
}

export interface MadeAccount extends PlannedAccount {
  accountId: string;
  email: string;
  createdMs: number;
  projectIds: string[];
  madeKeys: MadeKey[];
}

const emailsMax = 10_000;

/** Creates an account with its projects and keys through the services, and then backdates them. */
export async function makeAccount(
  to: Deployment,
  planned: PlannedAccount,
  { seed, nowMs }: { seed: number; nowMs: number },
): Promise<MadeAccount> {
  const { actor } = to;
  const random = stream(seed, `times of account ${planned.number}`);
  const createdMs = nowMs - planned.ageDays * dayMs - Math.floor(random() * dayMs);
  const { accountId, email } = await createAccount(to, planned, seed);
  const projectIds: string[] = [];
  for (const project of planned.projects) {
    const made = await to.projects.createProject({ accountId, ...project }, wait);
    projectIds.push(made.project?.projectId as string);
  }
  const madeKeys: MadeKey[] = [];
  for (const key of planned.keys) madeKeys.push(...(await makeKey(to, accountId, key, { random, createdMs, nowMs })));
  if (planned.isDisabled) await to.accounts.disableAccount({ accountId, actor }, wait);
  await dateBack(to, { accountId, createdMs, madeKeys, projectIds, nowMs });
  return { ...planned, accountId, email, createdMs, projectIds, madeKeys };
}

/** Creates an account with the next e-mail that no earlier run has used. */
async function createAccount(to: Deployment, { number, plan, limits }: PlannedAccount, seed: number) {
  const { actor } = to;
  // Some accounts start on the free plan.
  const begins = plan === Plan.PRO && number % 2 === 0 ? Plan.FREE : plan;
  for (let attempt = 0; ; attempt++) {
    const address = email(stream(seed, `e-mail ${number}`), number + 1 + attempt * 1_000);
    try {
      const { account } = await to.accounts.createAccount({ email: address, plan: begins, limits, actor }, wait);
      const accountId = account?.accountId as string;
      if (begins !== plan) await to.accounts.setAccountPlan({ accountId, plan, actor }, wait);
      return { accountId, email: address };
    } catch (error) {
      if (!(error instanceof ServiceError) || error.reason !== "CONFLICT" || attempt === emailsMax) throw error;
    }
  }
}

async function makeKey(
  { keys, actor }: Deployment,
  accountId: string,
  { name, rotations, isRevoked, perDay }: PlannedKey,
  { random, createdMs, nowMs }: { random: () => number; createdMs: number; nowMs: number },
): Promise<MadeKey[]> {
  const { key } = await keys.createKey({ accountId, name, actor }, wait);
  let keyId = key?.keyId as string;
  const made: MadeKey[] = [];
  let sinceMs = createdMs + random() * 0.7 * (nowMs - createdMs);
  for (let rotation = 0; rotation < rotations; rotation++) {
    const endedMs = sinceMs + (0.2 + 0.5 * random()) * (nowMs - sinceMs);
    made.push({ keyId, createdMs: sinceMs, endedMs, lastUsedMs: endedMs, perDay });
    const next = await keys.rotateKey({ keyId, accountId, actor }, wait);
    keyId = next.key?.keyId as string;
    sinceMs = endedMs;
  }
  if (isRevoked) await keys.revokeKey({ keyId, accountId, actor }, wait);
  const endedMs = isRevoked ? sinceMs + random() * (nowMs - sinceMs) : undefined;
  const lastUsedMs = random() < 0.9 ? Math.max(sinceMs, (endedMs ?? nowMs) - random() ** 3 * 30 * dayMs) : undefined;
  return [...made, { keyId, createdMs: sinceMs, endedMs, lastUsedMs, perDay }];
}

/** Backdates the creation times of rows. The audit trail is not changed, since its entries are chained by hashes. */
async function dateBack(
  { sql }: Deployment,
  made: { accountId: string; createdMs: number; madeKeys: MadeKey[]; projectIds: string[]; nowMs: number },
): Promise<void> {
  const { accountId, createdMs, madeKeys, projectIds, nowMs } = made;
  const iso = (ms: number) => new Date(Math.floor(ms)).toISOString();
  const isoOrNull = (ms: number | undefined) => (ms === undefined ? null : iso(ms));
  await sql`update auth.accounts set created_at = ${iso(createdMs)} where account_id = ${accountId}`;
  await sql`
    update auth.keys k set created_at = m.created_at, ended_at = m.ended_at,
      last_used_at = date_trunc('minute', m.last_used_at)
    from unnest(
      ${madeKeys.map(({ keyId }) => keyId)}::text[], ${madeKeys.map((key) => iso(key.createdMs))}::timestamptz[],
      ${madeKeys.map(({ endedMs }) => isoOrNull(endedMs))}::timestamptz[],
      ${madeKeys.map(({ lastUsedMs }) => isoOrNull(lastUsedMs))}::timestamptz[]
    ) as m (key_id, created_at, ended_at, last_used_at)
    where k.key_id = m.key_id`;
  const step = (nowMs - createdMs) / (projectIds.length + 1);
  const times = projectIds.map((_, index) => iso(createdMs + (index + 0.5) * step));
  await sql`
    update qr.projects p set created_at = m.created_at, updated_at = m.created_at
    from unnest(${projectIds}::text[], ${times}::timestamptz[]) as m (project_id, created_at)
    where p.project_id = m.project_id`;
}
