import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampDate, timestampFromDate, timestampFromMs } from "@bufbuild/protobuf/wkt";
import { apiKeyRandomLength, formatApiKey } from "../../../contracts/api-key.ts";
import { toFieldIssues } from "../../../contracts/field-issue.ts";
import { limits } from "../../../contracts/limits.ts";
import { lineIssue } from "../../../contracts/text.ts";
import {
  type KeyResolutionSchema,
  type KeySchema,
  KeyService,
  KeyStatus,
  KeyVerdict,
} from "../../../gen/qrforge/auth/v1/key_pb.ts";
import { ServiceError, throwIfFieldIssues } from "../../../platform/errors.ts";
import { newId, randomBase62 } from "../../../platform/ids.ts";
import type { LogEntries, Propagation } from "../../../platform/lease/protocol.ts";
import { toPropagation } from "../../../platform/lease/service.ts";
import type { PageTokens } from "../../../platform/postgres/page-tokens.ts";
import { pageSize } from "../../../platform/postgres/pagination.ts";
import type { Clock } from "../../../platform/process/clock.ts";
import { withMinimumDuration } from "../../../platform/process/minimum-duration.ts";
import { type Implementation, implement } from "../../../platform/rpc/server.ts";
import { rotateAfterDays, rotateSuggestDays, tracesOf } from "../domain/keys.ts";
import { activeCodesMax } from "../domain/plans.ts";
import type { AccountStore } from "../store/accounts.ts";
import type { KeyRow, KeyStore, ResolvedRow } from "../store/keys.ts";
import type { LeakReportStore } from "../store/leak-reports.ts";
import { requestActor } from "./actor.ts";
import { toLimits, validId } from "./requests.ts";

const keyStatuses = { active: KeyStatus.ACTIVE, rotated: KeyStatus.ROTATED, revoked: KeyStatus.REVOKED };
const keysPerCallMax = 1_000;
/** The least duration of a report, in ms, so that its timing does not show which keys are real. */
const reportMs = 100;
const dayMs = 86_400_000;

export interface KeyDependencies {
  keys: KeyStore;
  accounts: Pick<AccountStore, "get">;
  leakReports: Pick<LeakReportStore, "add">;
  /** Resolves when no edge uses what these log entries name any more. */
  propagate(entries: LogEntries): Promise<Propagation>;
  pageTokens: PageTokens;
  /** Starts the handling of reports of leaked keys soon. */
  handleReports(): void;
  clock: Clock;
}

/** Creates the handlers of KeyService. */
export function createKeyService(dependencies: KeyDependencies): Implementation {
  const { keys, accounts, leakReports, propagate, pageTokens, handleReports, clock } = dependencies;
  return implement(KeyService, {
    async batchResolveKeys({ keyHashes }) {
      requireHashes(keyHashes);
      const rows = await keys.resolve(keyHashes);
      const byHash = new Map(rows.map((row) => [row.keyHash.toString("latin1"), row]));
      return { resolutions: keyHashes.map((hash) => resolve(byHash.get(Buffer.from(hash).toString("latin1")))) };
    },

    async createKey(request, context) {
      const accountId = validId(request.accountId, "account");
      const name = request.name.trim().normalize();
      throwIfFieldIssues(toFieldIssues([["name", lineIssue(name, 1, limits.keyNameLengthMax)]]));
      const secret = formatApiKey(randomBase62(apiKeyRandomLength));
      const fields = { keyId: newId(), name, ...tracesOf(secret) };
      const key = await keys.create(requestActor(request, context), accountId, fields);
      return { key: toKey(key, clock), secret };
    },

    async listKeys({ accountId, pageSize: requestedSize, pageToken }) {
      await accounts.get(validId(accountId, "account"));
      const size = pageSize(requestedSize, { fallback: 1_000, max: 1_000 });
      const list = ["keys", accountId];
      const page = await keys.list(accountId, size, await pageTokens.decode(list, pageToken));
      return {
        keys: page.rows.map((key) => toKey(key, clock)),
        nextPageToken: await pageTokens.encode(list, page.next),
      };
    },

    async rotateKey(request, context) {
      const secret = formatApiKey(randomBase62(apiKeyRandomLength));
      const { accountId } = request;
      const keyId = validId(request.keyId, "key");
      const next = { keyId: newId(), ...tracesOf(secret) };
      const { old, key, entries } = await keys.rotate(requestActor(request, context), keyId, accountId, next);
      const propagation = toPropagation(await propagate(entries));
      if (!key) {
        const how = old.status === "rotated" ? `rotated already; its place was taken by ${old.replacedBy}` : "revoked";
        throw new ServiceError("KEY_NOT_ACTIVE", `The key was ${how}.`);
      }
      return { key: toKey(key, clock), secret, propagation };
    },

    async revokeKey(request, context) {
      const { accountId } = request;
      const keyId = validId(request.keyId, "key");
      const { key, entries } = await keys.revoke(requestActor(request, context), keyId, accountId);
      return { key: toKey(key, clock), propagation: toPropagation(await propagate(entries)) };
    },

    async batchRecordKeyUse({ uses }) {
      if (uses.length === 0 || uses.length > keysPerCallMax) {
        throw new ServiceError("INVALID_REQUEST", `uses must hold 1 to ${keysPerCallMax} uses`);
      }
      await keys.recordUse(
        uses.map(({ keyId, useTime }) => {
          if (!useTime) throw new ServiceError("INVALID_REQUEST", "use_time must be set");
          return { keyId, usedAt: timestampDate(useTime) };
        }),
      );
      return {};
    },

    async reportLeakedKeys(request, context) {
      requireHashes(request.keyHashes);
      return await withMinimumDuration({ ms: reportMs, clock }, async () => {
        await leakReports.add(requestActor(request, context), request.keyHashes);
        handleReports();
        return {};
      });
    },
  });
}

function requireHashes(keyHashes: Uint8Array[]): void {
  if (keyHashes.length === 0 || keyHashes.length > keysPerCallMax) {
    throw new ServiceError("INVALID_REQUEST", `key_hashes must hold 1 to ${keysPerCallMax} hashes`);
  }
  if (keyHashes.some((hash) => hash.length !== 32))
    throw new ServiceError("INVALID_REQUEST", "a key hash has 32 bytes");
}

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

/** Returns what a key may do. An unknown key and a rotated one look the same. */
function resolve(row: ResolvedRow | undefined): MessageInitShape<typeof KeyResolutionSchema> {
  if (!row || row.status === "rotated") return { verdict: KeyVerdict.UNKNOWN };
  const { keyId, accountId } = row;
  if (row.status === "revoked") return { verdict: KeyVerdict.REVOKED, keyId, accountId };
  if (row.disabled) return { verdict: KeyVerdict.ACCOUNT_DISABLED, keyId, accountId };
  return {
    verdict: KeyVerdict.ACTIVE,
    keyId,
    accountId,
    limits: toLimits(row),
    activeCodesMax: activeCodesMax(row.plan),
  };
}
