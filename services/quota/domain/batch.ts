import { crc32 } from "node:zlib";
import type { ConsumeRequest } from "../../../contracts/quota-rule.ts";
import { ServiceError } from "../../../platform/errors.ts";
import { itemAt } from "../../../platform/item-at.ts";
import { type ChargeOutcome, groupByAccount } from "./window.ts";

/** The outcome of a charge, and the numbers of the windows it was charged to. */
export interface WindowRow extends ChargeOutcome {
  minute: number;
  day: number;
}

/** A call's part of a statement's row: which row, and how many of its requests come before. */
export interface Share {
  row: number;
  before: number;
}

/** What a statement answered: a row for each of its charges, and the database's time in ms. */
export interface Charged {
  rows: WindowRow[];
  nowMs: number;
}

/** A batch that is known: how it was answered, or that it was settled in another way, or that the answer is gone. */
export interface FoundBatch {
  batchId: string;
  requestsCrc: number;
  shares: Share[];
  answer: Charged | "settled" | "forgotten";
}

/** Units to give back to a key, and to the windows of its account that they were charged to. */
export interface Refund {
  accountId: string;
  keyId: string;
  minute: number;
  day: number;
  units: number;
}

/** Returns the checksum of a batch's requests that is kept with it. */
export function crcOf(requests: ConsumeRequest[]): number {
  return crc32(
    requests.map(({ accountId, cost, limits }) => `${accountId} ${cost} ${limits.perMinute} ${limits.perDay}`).join(),
  );
}

/** Returns the row that a share is part of. */
export function rowOf({ row }: Share, { rows }: Charged): WindowRow {
  return itemAt(rows, row);
}

/** Returns how many of a share's requests were admitted: its first ones. */
export function admittedOf(share: Share, requested: number, charged: Charged): number {
  return Math.min(Math.max(rowOf(share, charged).admitted - share.before, 0), requested);
}

/** Returns the error of a call whose batch id was used for other requests. */
export function usedOtherwise(): ServiceError {
  return new ServiceError("CONFLICT", "This batch_id was used for other requests.");
}

/**
 * Returns what to give back for the requests at some places of a charged batch: the units of those that were admitted, by
 * key, with the windows that they were charged to. Throws CONFLICT if the batch was charged for other requests.
 */
export function refundsOf(requests: ConsumeRequest[], places: number[], batch: FoundBatch): Refund[] {
  const { shares, answer } = batch;
  if (answer === "settled" || answer === "forgotten") return [];
  if (batch.requestsCrc !== crcOf(requests)) throw usedOtherwise();
  const wanted = new Set(places);
  const refunds = new Map<string, Refund>();
  for (const [index, ofAccount] of groupByAccount(requests).places.entries()) {
    const share = itemAt(shares, index);
    const { minute, day } = rowOf(share, answer);
    for (const place of ofAccount.slice(0, admittedOf(share, ofAccount.length, answer))) {
      if (!wanted.has(place)) continue;
      const { accountId, keyId, cost } = itemAt(requests, place);
      const name = `${accountId} ${keyId}`;
      const refund = refunds.get(name) ?? { accountId, keyId, minute, day, units: 0 };
      refund.units += cost;
      refunds.set(name, refund);
    }
  }
  return [...refunds.values()];
}
