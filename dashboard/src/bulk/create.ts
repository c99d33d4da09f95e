import { limits } from "../../../contracts/limits.ts";
import { ApiError, askPage, type Code } from "../api.ts";
import { fingerprint, randomHex } from "../fingerprint.ts";
import type { Fault, Row } from "./check.ts";
import { type Field, fields } from "./columns.ts";
import { withRetries } from "./retry.ts";

/** The edge takes 400,000 bytes in one call. */
const batchBytesMax = 300_000;

/** Returns how many codes go in one call: each costs one of the minute's requests, and other calls need some of those too. */
export function batchSize(perMinute: number | null): number {
  return Math.max(1, Math.min(limits.codesPerBatchMax, Math.floor((perMinute ?? Number.POSITIVE_INFINITY) / 2)));
}

/** A code as it was created. */
export type MadeCode = Pick<Code, "id" | "slug" | "short_url" | "updated_at">;

/** What became of a file, so far. It grows while codes are created, and going on with it makes nothing twice. */
export interface Run {
  /** Begins the idempotency keys of all its batches. */
  id: string;
  projectId: string;
  /** Codes of one batch at most. */
  batchMax: number;
  /** In the order of the file. */
  made: { row: Row; code: MadeCode }[];
  /** Rows that the service refused. */
  refused: Row[];
  faults: Fault[];
  /** Codes that an earlier attempt had made already. */
  replayed: number;
}

type NewCode = { name: string; redirect_url: string; project_id: string; slug?: string };
export type Send = (
  codes: NewCode[],
  idempotencyKey: string,
  signal: AbortSignal,
) => Promise<{ items: MadeCode[]; replayed?: boolean }>;

const sendBatch: Send = (codes, key, signal) =>
  askPage<Code>("POST", "/v1/qr-codes/batch", {
    body: { qr_codes: codes },
    headers: { "idempotency-key": key },
    signal,
  });

export function newRun(projectId: string, batchMax: number): Run {
  return { id: randomHex(), projectId, batchMax, made: [], refused: [], faults: [], replayed: 0 };
}

/**
 * Creates the codes of all rows that are neither made nor refused, one batch after the other, in the order of the file. A
 * batch is made whole or not at all: rows that the service refuses are noted, and the rest goes on, filled up with the next.
 * Which batches are made follows from the rows and the refusals alone, so that a run that goes on sends again what it sent.
 *
 * Calls `onChange` after each answer, and `onWait` before it waits for the service. Returns when all rows are done or `isPaused` says so. Throws what keeps the whole
 * run from going on.
 */
export async function createCodes(
  rows: readonly Row[],
  run: Run,
  options: { onChange(): void; onWait?(ms: number): void; isPaused(): boolean; signal: AbortSignal; send?: Send },
): Promise<void> {
  const { signal, send = sendBatch } = options;
  const done = new Set([...run.made.map(({ row }) => row.line), ...run.refused.map(({ line }) => line)]);
  let waiting = rows.filter(({ line }) => !done.has(line));
  while (waiting.length > 0 && !options.isPaused()) {
    const batch = firstBatch(waiting, run);
    const codes = batch.map((row) => toNewCode(row, run.projectId));
    const key = `${run.id}-${batch[0]?.line}-${batch.length}-${fingerprint(JSON.stringify(codes))}`;
    try {
      const { items, replayed } = await withRetries(() => send(codes, key, signal), signal, options.onWait);
      if (items.length !== batch.length)
        throw new Error(`${batch.length} codes were sent and ${items.length} came back.`);
      batch.forEach((row, index) => {
        const { id, slug, short_url, updated_at } = items[index] as MadeCode;
        run.made.push({ row, code: { id, slug, short_url, updated_at } });
      });
      if (replayed) run.replayed += batch.length;
      waiting = waiting.slice(batch.length);
    } catch (error) {
      const faults = error instanceof ApiError ? faultsOf(error, batch) : [];
      if (faults.length === 0) throw error;
      const refused = new Set(faults.map(({ line }) => line));
      run.faults.push(...faults);
      run.refused.push(...batch.filter(({ line }) => refused.has(line)));
      waiting = waiting.filter(({ line }) => !refused.has(line));
    }
    options.onChange();
  }
}

function toNewCode({ name, redirect_url, slug }: Row, projectId: string): NewCode {
  return { name, redirect_url, project_id: projectId, ...(slug && { slug }) };
}

/** Returns as many of the first rows as one call takes. */
function firstBatch(waiting: readonly Row[], { projectId, batchMax }: Run): Row[] {
  const encoder = new TextEncoder();
  let bytes = 0;
  const count = waiting.slice(0, batchMax).findIndex((row, index) => {
    bytes += encoder.encode(JSON.stringify(toNewCode(row, projectId))).length + 1;
    return index > 0 && bytes > batchBytesMax;
  });
  return waiting.slice(0, count === -1 ? batchMax : count);
}

/** Returns the faults that an answer finds in rows of the batch; none if it is about something else. */
function faultsOf(error: ApiError, batch: readonly Row[]): Fault[] {
  return error.details.flatMap(({ field: path, issue }) => {
    const [, index, name] = /^qr_codes\.(\d+)\.?(.*)$/.exec(path) ?? [];
    const row = batch[Number(index)];
    const field = fields.find((one) => one === name);
    return row ? [{ line: row.line, field, value: field ? row[field as Field] : row.name, issue }] : [];
  });
}
