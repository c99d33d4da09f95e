import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs, timestampMs } from "@bufbuild/protobuf/wkt";
import { type ConsumeRequest, type Limits, refusedBy, resetsIn, subjectOf } from "../../../contracts/quota-rule.ts";
import type { Limits as LimitsMessage } from "../../../gen/qrforge/common/v1/limits_pb.ts";
import {
  type ConsumeQuotaRequest as ConsumeRequestMessage,
  Face,
  type QuotaDecisionSchema,
  QuotaService,
  Window,
} from "../../../gen/qrforge/quota/v1/quota_pb.ts";
import { ServiceError } from "../../../platform/errors.ts";
import { itemAt } from "../../../platform/item-at.ts";
import { pageSize } from "../../../platform/postgres/pagination.ts";
import type { Clock } from "../../../platform/process/clock.ts";
import { type Implementation, implement } from "../../../platform/rpc/server.ts";
import { refundsOf } from "../domain/batch.ts";
import type { GroupCommit, TimedDecision } from "../group-commit.ts";
import type { Store } from "../store/windows.ts";

/** Retention of totals and of counts by key, in days. */
export const daysKept = 400;

const requestsPerCallMax = 1_000;
const costMax = 1_000;
const countMax = 1_000_000_000n;
const perMinuteMax = 1_000_000_000;
const perDayMax = 1_000_000_000_000;
const dayMs = 86_400_000;
/** Maximum age of usage that a caller may record, in days. */
const servedDaysMax = 2;
/** Time for which the database stores a batch that was recorded, or refunded before it was charged, in ms. */
const settledKeepMs = 3 * dayMs;
const keyUsagePageMax = 1_000;
const windows = { none: Window.UNSPECIFIED, minute: Window.MINUTE, day: Window.DAY };

export interface QuotaDependencies {
  store: Store;
  groupCommit: GroupCommit;
  /** Called with the units of each refund. */
  noteRefund(units: number): void;
  clock: Pick<Clock, "now">;
}

/** Creates the handlers of quota's service. */
export function createQuotaService({ store, groupCommit, noteRefund, clock }: QuotaDependencies): Implementation[] {
  return [
    implement(QuotaService, {
      async batchConsumeQuota({ requests, batchId }, context) {
        const read = readRequests(requests);
        const id = batchId === "" ? "" : batchIdOf(batchId);
        const decisions = await groupCommit.charge(read, context.remainingMs(), id);
        // One statement decided all requests.
        const { nowMs } = itemAt(decisions, 0);
        return { decisions: decisions.map(toDecision), decideTime: timestampFromMs(nowMs) };
      },
      async batchRefundQuota({ batchId, requests, places }) {
        const read = readRequests(requests);
        if (places.length === 0 || places.some((place) => place >= requests.length)) {
          throw new ServiceError(
            "INVALID_REQUEST",
            `places must hold places of requests, from 0 to ${requests.length - 1}`,
          );
        }
        const refunds = await store.refund(
          batchIdOf(batchId),
          [...new Set(places)],
          (fresh, batch) => refundsOf(read, fresh, batch),
          settledKeepMs,
        );
        const units = refunds.reduce((sum, refund) => sum + refund.units, 0);
        noteRefund(units);
        return { units: BigInt(units) };
      },
      async batchRecordServed({ batchId, serveTime, counts }) {
        if (counts.length === 0 || counts.length > requestsPerCallMax) {
          throw new ServiceError("INVALID_REQUEST", `counts must hold 1 to ${requestsPerCallMax} counts`);
        }
        const servedMs = serveTime ? timestampMs(serveTime) : Number.NaN;
        if (!(servedMs > clock.now() - servedDaysMax * dayMs)) {
          throw new ServiceError("INVALID_REQUEST", `serve_time must be at most ${servedDaysMax} days ago`);
        }
        const read = counts.map(({ accountId, face, keyId, admitted, refused }) => {
          for (const units of [admitted, refused]) {
            if (units < 0n || units > countMax) {
              throw new ServiceError("INVALID_REQUEST", `admitted and refused must be from 0 to ${countMax}`);
            }
          }
          return {
            subject: subjectOf({ accountId: accountIdOf(accountId), face: faceOf(face) }),
            keyId: keyIdOf(keyId),
            admitted: Number(admitted),
            refused: Number(refused),
          };
        });
        return { recorded: await store.recordServed(batchIdOf(batchId), servedMs, read, settledKeepMs) };
      },
      async peekQuota({ accountId, face, limits }) {
        const row = await store.read(subjectOf({ accountId: accountIdOf(accountId), face: faceOf(face) }));
        const { minuteS, dayS } = resetsIn(row.nowMs, row);
        const decision = {
          ...row,
          refusedBy: refusedBy({ cost: 1, limits: readLimits(limits) }, row),
          minuteResetS: minuteS,
          dayResetS: dayS,
        };
        return { decision: toDecision(decision), decideTime: timestampFromMs(row.nowMs) };
      },
      async listDailyUsage({ accountId, fromDate, toDate }) {
        const { from, to } = readRange(fromDate, toDate);
        const days = await store.listDays(accountIdOf(accountId), from, to);
        return { days: days.map(({ day, used }) => ({ date: dateOf(day), used: BigInt(used) })) };
      },
      async listKeyUsage({ accountId, fromDate, toDate, pageSize: size, pageToken }) {
        const { from, to } = readRange(fromDate, toDate);
        const pageRows = pageSize(size, { fallback: keyUsagePageMax, max: keyUsagePageMax });
        const after = readToken(pageToken);
        const found = await store.listKeyDays(accountIdOf(accountId), { from, to, after, rowsMax: pageRows + 1 });
        const rows = found.slice(0, pageRows);
        const last = found.length > pageRows ? rows.at(-1) : undefined;
        return {
          usages: rows.map(({ day, keyId, admitted, refused }) => ({
            date: dateOf(day),
            keyId,
            admitted: BigInt(admitted),
            refused: BigInt(refused),
          })),
          nextPageToken: last ? `${last.day}.${last.keyId}` : "",
        };
      },
    }),
  ];
}

function readRequests(requests: ConsumeRequestMessage[]): ConsumeRequest[] {
  if (requests.length === 0 || requests.length > requestsPerCallMax) {
    throw new ServiceError("INVALID_REQUEST", `requests must hold 1 to ${requestsPerCallMax} requests`);
  }
  return requests.map(({ accountId, face, keyId, cost, limits }) => {
    if (cost < 1 || cost > costMax) throw new ServiceError("INVALID_REQUEST", `cost must be from 1 to ${costMax}`);
    return {
      accountId: accountIdOf(accountId),
      face: faceOf(face),
      keyId: keyIdOf(keyId),
      cost,
      limits: readLimits(limits),
    };
  });
}

/** Returns the first and the last day of a range, in days since the Unix epoch. */
function readRange(fromDate: string, toDate: string): { from: number; to: number } {
  const from = dayOf("from_date", fromDate);
  const to = dayOf("to_date", toDate);
  if (to < from || to - from > daysKept) {
    throw new ServiceError("INVALID_REQUEST", `to_date must be from_date or up to ${daysKept} days later`);
  }
  return { from, to };
}

function dayOf(field: string, date: string): number {
  const ms = /^\d{4}-\d{2}-\d{2}$/.test(date) ? Date.parse(date) : Number.NaN;
  if (Number.isNaN(ms) || dateOf(ms / dayMs) !== date) {
    throw new ServiceError("INVALID_REQUEST", `${field} must be a day as YYYY-MM-DD`);
  }
  return ms / dayMs;
}

function dateOf(day: number): string {
  return new Date(day * dayMs).toISOString().slice(0, 10);
}

/** Cursor of a page: the last day and key of the previous one. */
function readToken(token: string): { day: number; keyId: string } | undefined {
  if (token === "") return undefined;
  const [, day, keyId] = /^(\d{1,7})\.([0-9A-Za-z]{0,40})$/.exec(token) ?? [];
  if (keyId === undefined)
    throw new ServiceError("INVALID_REQUEST", "page_token must be the next_page_token of an earlier page");
  return { day: Number(day), keyId };
}

function batchIdOf(batchId: string): string {
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(batchId)) {
    throw new ServiceError("INVALID_REQUEST", "batch_id must be a UUID in small letters");
  }
  return batchId;
}

function keyIdOf(keyId: string): string {
  if (!/^[0-9A-Za-z]{0,40}$/.test(keyId)) throw new ServiceError("INVALID_REQUEST", "key_id must be a key's id");
  return keyId;
}

function accountIdOf(accountId: string): string {
  if (!/^[0-9A-Za-z]{1,40}$/.test(accountId))
    throw new ServiceError("INVALID_REQUEST", "account_id must be an account's id");
  return accountId;
}

/** Reads the face of a message. A face that a later version adds has windows that this one does not know. */
function faceOf(face: Face): ConsumeRequest["face"] {
  if (face === Face.UNSPECIFIED) return "api";
  if (face === Face.DASHBOARD) return "dashboard";
  throw new ServiceError("INVALID_REQUEST", "face must be one of the contract");
}

/** Reads the limits of a message; unset ones are unlimited. */
function readLimits(limits: LimitsMessage | undefined): Limits {
  const perMinute = Number(limits?.perMinute ?? 0);
  const perDay = Number(limits?.perDay ?? 0);
  if (perMinute < 0 || perMinute > perMinuteMax || perDay < 0 || perDay > perDayMax) {
    throw new ServiceError(
      "INVALID_REQUEST",
      `limits must be from 0 to ${perMinuteMax} a minute and ${perDayMax} a day`,
    );
  }
  return { perMinute, perDay };
}

function toDecision(decision: Omit<TimedDecision, "nowMs">): MessageInitShape<typeof QuotaDecisionSchema> {
  return {
    refusedBy: windows[decision.refusedBy],
    minuteUsed: BigInt(decision.minuteUsed),
    dayUsed: BigInt(decision.dayUsed),
    minuteResetS: decision.minuteResetS,
    dayResetS: decision.dayResetS,
  };
}
