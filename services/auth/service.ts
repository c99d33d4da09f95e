import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { type AccountSchema, AccountService, Plan } from "../../gen/qrforge/auth/v1/account_pb.ts";
import {
  type KeyResolutionSchema,
  type KeySchema,
  KeyService,
  KeyStatus,
  KeyVerdict,
} from "../../gen/qrforge/auth/v1/key_pb.ts";
import type { Limits } from "../../gen/qrforge/common/v1/limits_pb.ts";
import { Failure, type FieldIssue, refuseFields } from "../../platform/errors.ts";
import { newId, randomBase62 } from "../../platform/ids.ts";
import { decodePageToken, encodePageToken, pageSize } from "../../platform/page.ts";
import { type Implementation, implement } from "../../platform/rpc/server.ts";
import { formatKey, randomPartLength, tracesOf } from "./keys.ts";
import { limitsOf, normalizeEmail, type PlanLimits, type PlanName } from "./plans.ts";
import type { AccountRow, KeyRow, ResolvedRow, Store } from "./store.ts";

const planNames: Partial<Record<Plan, PlanName>> = {
  [Plan.FREE]: "free",
  [Plan.PRO]: "pro",
  [Plan.ENTERPRISE]: "enterprise",
};
const planNumbers: Record<PlanName, Plan> = { free: Plan.FREE, pro: Plan.PRO, enterprise: Plan.ENTERPRISE };
const keyStatuses = { active: KeyStatus.ACTIVE, rotated: KeyStatus.ROTATED, revoked: KeyStatus.REVOKED };
const keysPerCallMax = 1_000;

export interface AuthDependencies {
  store: Store;
  /** Tells every holder of answers about these keys to forget them. */
  forgetKeys(hashes: Buffer[]): void;
}

/** The handlers of auth's services. */
export function createAuthService({ store, forgetKeys }: AuthDependencies): Implementation[] {
  return [
    implement(AccountService, {
      async createAccount(request) {
        const email = normalizeEmail(request.email);
        const { plan, limits } = readPlan(
          request,
          email === undefined ? [{ field: "email", issue: "must be an e-mail address of at most 254 characters" }] : [],
        );
        const account = await store.createAccount({ accountId: newId(), email: email as string, plan, ...limits });
        return { account: toAccount(account) };
      },
      getAccount: async ({ accountId }) => ({ account: toAccount(await store.getAccount(accountId)) }),
      async listAccounts(request) {
        const size = pageSize(request.pageSize, { fallback: 100, max: 1_000 });
        const page = await store.listAccounts(size, decodePageToken(request.pageToken));
        return { accounts: page.rows.map(toAccount), nextPageToken: encodePageToken(page.next) };
      },
      async setAccountPlan(request) {
        const { plan, limits } = readPlan(request, []);
        const { account, staleHashes } = await store.setPlan(request.accountId, plan, limits);
        forgetKeys(staleHashes);
        return { account: toAccount(account) };
      },
      async disableAccount({ accountId }) {
        const { account, staleHashes } = await store.setDisabled(accountId, true);
        forgetKeys(staleHashes);
        return { account: toAccount(account) };
      },
      async enableAccount({ accountId }) {
        const { account, staleHashes } = await store.setDisabled(accountId, false);
        forgetKeys(staleHashes);
        return { account: toAccount(account) };
      },
    }),
    implement(KeyService, {
      async batchResolveKeys({ keyHashes }) {
        if (keyHashes.length === 0 || keyHashes.length > keysPerCallMax) {
          throw new Failure("INVALID_REQUEST", `key_hashes must hold 1 to ${keysPerCallMax} hashes`);
        }
        const rows = await store.resolveKeys(keyHashes);
        const byHash = new Map(rows.map((row) => [row.keyHash.toString("latin1"), row]));
        return { resolutions: keyHashes.map((hash) => resolve(byHash.get(Buffer.from(hash).toString("latin1")))) };
      },
      async createKey({ accountId, name }) {
        const trimmed = name.trim();
        if (trimmed.length < 1 || trimmed.length > 100) {
          refuseFields([{ field: "name", issue: "must have 1 to 100 characters" }]);
        }
        const secret = formatKey(randomBase62(randomPartLength));
        const key = await store.createKey(accountId, { keyId: newId(), name: trimmed, ...tracesOf(secret) });
        return { key: toKey(key), secret };
      },
      listKeys: async ({ accountId }) => ({ keys: (await store.listKeys(accountId)).map(toKey) }),
      async rotateKey({ keyId, accountId }) {
        const secret = formatKey(randomBase62(randomPartLength));
        const { key, staleHashes } = await store.rotateKey(keyId, accountId, { keyId: newId(), ...tracesOf(secret) });
        forgetKeys(staleHashes);
        return { key: toKey(key), secret };
      },
      async revokeKey({ keyId, accountId }) {
        const { key, staleHashes } = await store.revokeKey(keyId, accountId);
        forgetKeys(staleHashes);
        return { key: toKey(key) };
      },
    }),
  ];
}

/** The plan and limits that a request names, or INVALID_PAYLOAD with these issues and those found here. */
function readPlan(request: { plan: Plan; limits?: Limits }, issues: FieldIssue[]) {
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

function toKey(row: KeyRow): MessageInitShape<typeof KeySchema> {
  return {
    keyId: row.keyId,
    accountId: row.accountId,
    name: row.name,
    prefix: row.prefix,
    last4: row.last4,
    status: keyStatuses[row.status],
    createTime: timestampFromDate(row.createdAt),
    endTime: row.endedAt ? timestampFromDate(row.endedAt) : undefined,
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
