import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampDate, timestampFromDate, timestampFromMs } from "@bufbuild/protobuf/wkt";
import { type AccountSchema, AccountService, Plan } from "../../../gen/qrforge/auth/v1/account_pb.ts";
import {
  type KeyResolutionSchema,
  type KeySchema,
  KeyService,
  KeyStatus,
  KeyVerdict,
} from "../../../gen/qrforge/auth/v1/key_pb.ts";
import type { Limits } from "../../../gen/qrforge/common/v1/limits_pb.ts";
import { type FieldIssue, refuseFields, ServiceError } from "../../../platform/errors.ts";
import { newId, randomBase62 } from "../../../platform/ids.ts";
import type { LogEntries, Propagation } from "../../../platform/lease/protocol.ts";
import { toPropagation } from "../../../platform/lease/service.ts";
import { decodePageToken, encodePageToken, pageSize } from "../../../platform/postgres/pagination.ts";
import type { Clock } from "../../../platform/process/clock.ts";
import { type Implementation, implement } from "../../../platform/rpc/server.ts";
import { actorOf } from "../domain/actor.ts";
import { formatKey, randomPartLength, tracesOf } from "../domain/keys.ts";
import { limitsOf, normalizeEmail, type PlanLimits, type PlanName } from "../domain/plans.ts";
import type { AccountRow, KeyRow, ResolvedRow, Store } from "../store/accounts-and-keys.ts";

const planNames: Partial<Record<Plan, PlanName>> = {
  [Plan.FREE]: "free",
  [Plan.PRO]: "pro",
  [Plan.ENTERPRISE]: "enterprise",
};
const planNumbers: Record<PlanName, Plan> = { free: Plan.FREE, pro: Plan.PRO, enterprise: Plan.ENTERPRISE };
const keyStatuses = { active: KeyStatus.ACTIVE, rotated: KeyStatus.ROTATED, revoked: KeyStatus.REVOKED };
const keysPerCallMax = 1_000;
const rotateSuggestDays = 60;
const rotateAfterDays = 90;

export interface AuthDependencies {
  store: Store;
  /** Resolves when no edge uses what these log entries name any more. */
  propagate(entries: LogEntries): Promise<Propagation>;
  /** Has reports of leaked keys looked at soon. */
  lookAtLeaks(): void;
  clock: Clock;
}

/** The handlers of auth's services. */
export function createAuthService({ store, propagate, lookAtLeaks, clock }: AuthDependencies): Implementation[] {
  async function settle({ account, entries }: { account: AccountRow; entries: LogEntries }) {
    return { account: toAccount(account), propagation: toPropagation(await propagate(entries)) };
  }

  return [
    implement(AccountService, {
      async createAccount(request, context) {
        const email = normalizeEmail(request.email);
        const { plan, limits } = readPlan(request, email === undefined ? [emailIssue] : []);
        const fields = { accountId: newId(), email: email as string, plan, ...limits };
        const account = await store.createAccount(actorOf(request, context), fields);
        return { account: toAccount(account) };
      },
      getAccount: async ({ accountId }) => ({
        account: toAccount(await store.getAccount(validId(accountId, "account"))),
      }),
      async listAccounts(request) {
        const size = pageSize(request.pageSize, { fallback: 100, max: 1_000 });
        const page = await store.listAccounts(size, decodePageToken(request.pageToken));
        return { accounts: page.rows.map(toAccount), nextPageToken: encodePageToken(page.next) };
      },
      async setAccountPlan(request, context) {
        const { plan, limits } = readPlan(request, []);
        return settle(
          await store.setPlan(actorOf(request, context), validId(request.accountId, "account"), plan, limits),
        );
      },
      disableAccount: async (request, context) =>
        settle(await store.setDisabled(actorOf(request, context), validId(request.accountId, "account"), true)),
      enableAccount: async (request, context) =>
        settle(await store.setDisabled(actorOf(request, context), validId(request.accountId, "account"), false)),
    }),
    implement(KeyService, {
      async batchResolveKeys({ keyHashes }) {
        requireHashes(keyHashes);
        const rows = await store.resolveKeys(keyHashes);
        const byHash = new Map(rows.map((row) => [row.keyHash.toString("latin1"), row]));
        return { resolutions: keyHashes.map((hash) => resolve(byHash.get(Buffer.from(hash).toString("latin1")))) };
      },
      async createKey(request, context) {
        const accountId = validId(request.accountId, "account");
        const name = request.name.trim();
        if (name === "" || [...name].length > 100 || /\p{Cc}/u.test(name) || !name.isWellFormed()) {
          refuseFields([{ field: "name", issue: "must have 1 to 100 characters, no control characters" }]);
        }
        const secret = formatKey(randomBase62(randomPartLength));
        const fields = { keyId: newId(), name, ...tracesOf(secret) };
        const key = await store.createKey(actorOf(request, context), accountId, fields);
        return { key: toKey(key, clock), secret };
      },
      async listKeys({ accountId, pageSize: asked, pageToken }) {
        await store.getAccount(validId(accountId, "account"));
        const size = pageSize(asked, { fallback: 1_000, max: 1_000 });
        const page = await store.listKeys(accountId, size, decodePageToken(pageToken));
        return { keys: page.rows.map((key) => toKey(key, clock)), nextPageToken: encodePageToken(page.next) };
      },
      async rotateKey(request, context) {
        const secret = formatKey(randomBase62(randomPartLength));
        const { accountId } = request;
        const keyId = validId(request.keyId, "key");
        const next = { keyId: newId(), ...tracesOf(secret) };
        const { old, key, entries } = await store.rotateKey(actorOf(request, context), keyId, accountId, next);
        const propagation = toPropagation(await propagate(entries));
        if (!key) {
          const how =
            old.status === "rotated" ? `rotated already; its place was taken by ${old.replacedBy}` : "revoked";
          throw new ServiceError("KEY_NOT_ACTIVE", `The key was ${how}.`);
        }
        return { key: toKey(key, clock), secret, propagation };
      },
      async revokeKey(request, context) {
        const { accountId } = request;
        const keyId = validId(request.keyId, "key");
        const { key, entries } = await store.revokeKey(actorOf(request, context), keyId, accountId);
        return { key: toKey(key, clock), propagation: toPropagation(await propagate(entries)) };
      },
      async batchRecordKeyUse({ uses }) {
        if (uses.length === 0 || uses.length > keysPerCallMax) {
          throw new ServiceError("INVALID_REQUEST", `uses must hold 1 to ${keysPerCallMax} uses`);
        }
        await store.recordUse(
          uses.map(({ keyId, useTime }) => {
            if (!useTime) throw new ServiceError("INVALID_REQUEST", "use_time must be set");
            if (Math.abs(Number(useTime.seconds) * 1000 - clock.now()) > dayMs) {
              throw new ServiceError("INVALID_REQUEST", "use_time must be within a day of now");
            }
            return { keyId, usedAt: timestampDate(useTime) };
          }),
        );
        return {};
      },
      async reportLeakedKeys(request, context) {
        requireHashes(request.keyHashes);
        await store.reportLeaks(actorOf(request, context), request.keyHashes);
        lookAtLeaks();
        return {};
      },
    }),
  ];
}

export const emailIssue: FieldIssue = {
  field: "email",
  issue: "must be an e-mail address of at most 254 characters",
};

/** An id that could exist, or the failure that a look-up of it would end in. */
function validId(id: string, what: "account" | "key"): string {
  if (!/^[0-9A-Za-z]{20}$/.test(id)) throw new ServiceError("NOT_FOUND", `There is no such ${what}.`);
  return id;
}

function requireHashes(keyHashes: Uint8Array[]): void {
  if (keyHashes.length === 0 || keyHashes.length > keysPerCallMax) {
    throw new ServiceError("INVALID_REQUEST", `key_hashes must hold 1 to ${keysPerCallMax} hashes`);
  }
  if (keyHashes.some((hash) => hash.length !== 32))
    throw new ServiceError("INVALID_REQUEST", "a key hash has 32 bytes");
}

/** The plan and limits that a request names, or INVALID_PAYLOAD with these issues and those found here. */
export function readPlan(request: { plan: Plan; limits?: Limits | undefined }, issues: FieldIssue[]) {
  const plan = planNames[request.plan];
  if (!plan) refuseFields([...issues, { field: "plan", issue: "must be free, pro or enterprise" }]);
  const asked: PlanLimits | undefined = request.limits && {
    perMinute: Number(request.limits.perMinute),
    perDay: Number(request.limits.perDay),
  };
  const result = limitsOf(plan as PlanName, asked);
  if ("issues" in result) refuseFields([...issues, ...result.issues]);
  refuseFields(issues);
  return { plan: plan as PlanName, limits: (result as { limits: PlanLimits }).limits };
}

function toLimits(row: { perMinute: number; perDay: number }) {
  return { perMinute: BigInt(row.perMinute), perDay: BigInt(row.perDay) };
}

function toAccount(row: AccountRow): MessageInitShape<typeof AccountSchema> {
  return {
    accountId: row.accountId,
    email: row.email,
    plan: planNumbers[row.plan],
    limits: toLimits(row),
    disabled: row.disabled,
    createTime: timestampFromDate(row.createdAt),
  };
}

const dayMs = 86_400_000;

function toKey(row: KeyRow, clock: Clock): MessageInitShape<typeof KeySchema> {
  const createdMs = row.createdAt.getTime();
  return {
    keyId: row.keyId,
    accountId: row.accountId,
    name: row.name,
    prefix: row.prefix,
    last4: row.last4,
    status: keyStatuses[row.status],
    createTime: timestampFromDate(row.createdAt),
    endTime: row.endedAt ? timestampFromDate(row.endedAt) : undefined,
    createdBy: row.createdBy,
    endedBy: row.endedBy,
    replacedBy: row.replacedBy,
    lastUseTime: row.lastUsedAt ? timestampFromDate(row.lastUsedAt) : undefined,
    ageDays: Math.max(0, Math.floor((clock.now() - createdMs) / dayMs)),
    rotateSuggestTime: timestampFromMs(createdMs + rotateSuggestDays * dayMs),
    rotateAfterTime: timestampFromMs(createdMs + rotateAfterDays * dayMs),
  };
}

/** What a key is good for: an unknown key and a rotated one look the same. */
function resolve(row: ResolvedRow | undefined): MessageInitShape<typeof KeyResolutionSchema> {
  if (!row || row.status === "rotated") return { verdict: KeyVerdict.UNKNOWN };
  const { keyId, accountId } = row;
  if (row.status === "revoked") return { verdict: KeyVerdict.REVOKED, keyId, accountId };
  if (row.disabled) return { verdict: KeyVerdict.ACCOUNT_DISABLED, keyId, accountId };
  return { verdict: KeyVerdict.ACTIVE, keyId, accountId, limits: toLimits(row) };
}
