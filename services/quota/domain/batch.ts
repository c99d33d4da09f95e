import { crc32 } from "node:zlib";
import { type ConsumeRequest, subjectOf } from "../../../contracts/quota-rule.ts";
import { ServiceError } from "../../../platform/errors.ts";
import { itemAt } from "../../../platform/item-at.ts";
import { type ChargeOutcome, groupBySubject } from "./window.ts";

/** The outcome of a charge, and the numbers of the windows it was charged to. */
export interface WindowRow extends ChargeOutcome {
  minute: number;
  day: number;
}

/** A call's part of a statement's row: which row, and the number of requests before its own. */
export interface Share {
  row: number;
  before: number;
}

/** Result of a statement: a row for each of its charges, and the database's time in ms. */
export interface Charged {
  rows: WindowRow[];
  nowMs: number;
}

/** A known batch: answered, settled in another way, or with its answer already deleted. */
export interface FoundBatch {
  batchId: string;
  requestsCrc: number;
  shares: Share[];
  answer: Charged | "settled" | "forgotten";
}

/** Units to refund to a key, and to the windows of a subject that they were charged to. */
export interface Refund {
  subject: string;
  keyId: string;
  minute: number;
  day: number;
  units: number;
}

/** Returns the checksum of a batch's requests, which is stored with the batch. */
export function crcOf(requests: ConsumeRequest[]): number {
  return crc32(
    requests
      .map((request) => `${subjectOf(request)} ${request.cost} ${request.limits.perMinute} ${request.limits.perDay}`)
      .join(),
  );
}

/** Returns the row of a share. */
export function rowOf({ row }: Share, { rows }: Charged): WindowRow {
  return itemAt(rows, row);
}

/** Returns the number of admitted requests of a share; they are its first ones. */
export function admittedOf(share: Share, requested: number, charged: Charged): number {
  return Math.min(Math.max(rowOf(share, charged).admitted - share.before, 0), requested);
}

/** Returns the error of a call whose batch id was used for other requests. */
export function usedOtherwise(): ServiceError {
  return new ServiceError("CONFLICT", "This batch_id was used for other requests.");
}

/**
 * Returns the refunds for the requests at some positions of a charged batch: the units of the admitted ones, by
 * key, with the windows they were charged to. Throws CONFLICT if the batch was charged for other requests.
 */
export function refundsOf(requests: ConsumeRequest[], places: number[], batch: FoundBatch): Refund[] {
  const { shares, answer } = batch;
  if (answer === "settled" || answer === "forgotten") return [];
  if (batch.requestsCrc !== crcOf(requests)) throw usedOtherwise();
  const wanted = new Set(places);
  const refunds = new Map<string, Refund>();
  for (const [index, ofAccount] of groupBySubject(requests).places.entries()) {
    const share = itemAt(shares, index);
    const { minute, day } = rowOf(share, answer);
    for (const place of ofAccount.slice(0, admittedOf(share, ofAccount.length, answer))) {
      if (!wanted.has(place)) continue;
      const request = itemAt(requests, place);
      const { keyId, cost } = request;
      const subject = subjectOf(request);
      const name = `${subject} ${keyId}`;
      const refund = refunds.get(name) ?? { subject, keyId, minute, day, units: 0 };
      refund.units += cost;
      refunds.set(name, refund);
    }
  }
  return [...refunds.values()];
}
