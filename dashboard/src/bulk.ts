import { ApiError, ask, type Code, type FieldIssue } from "./api.ts";

/** One line of the file. */
export interface Row {
  /** In the file, from 1, its heading not counted. */
  line: number;
  name: string;
  redirect_url: string;
  slug: string;
  state: "waiting" | "created" | "failed";
  /** What is wrong with it, or the short URL that it got. */
  note: string;
}

/** Codes that the API takes in one call. */
const batchMax = 100;
const triesMax = 4;
const waitMs = 1_000;

/** Reads the lines of a parsed file. Columns are found by their heading. */
export function toRows(records: Record<string, string>[]): Row[] {
  return records.map((record, index) => ({
    line: index + 1,
    name: (record.name ?? "").trim(),
    redirect_url: (record.redirect_url ?? record.url ?? "").trim(),
    slug: (record.slug ?? "").trim(),
    state: "waiting",
    note: "",
  }));
}

/**
 * Creates the codes of all rows that wait, in batches. A batch is made whole or not at all: rows that are at fault are
 * told so, and the rest of it is sent again. `onChange` is told after each answer. Fails if the edge cannot be reached.
 */
export async function createAll(
  rows: Row[],
  options: {
    projectId: string;
    /** The same for the same file, so that a batch whose answer was lost is not made twice. */
    keyOf(body: unknown): string;
    onChange(rows: Row[]): void;
    signal: AbortSignal;
  },
): Promise<void> {
  const all = rows.map((row) => ({ ...row }));
  const waiting = () => all.filter(({ state }) => state === "waiting").slice(0, batchMax);
  for (let batch = waiting(); batch.length > 0 && !options.signal.aborted; batch = waiting()) {
    await createBatch(batch, options);
    options.onChange(all.map((row) => ({ ...row })));
  }
}

async function createBatch(
  batch: Row[],
  options: Pick<Parameters<typeof createAll>[1], "projectId" | "keyOf" | "signal">,
) {
  const { projectId, signal } = options;
  const body = {
    qr_codes: batch.map(({ name, redirect_url, slug }) => ({
      name,
      redirect_url,
      project_id: projectId,
      ...(slug && { slug }),
    })),
  };
  const headers = { "idempotency-key": options.keyOf(body) };
  for (let tries = 1; ; tries++) {
    try {
      const { data } = await ask<Code[]>("POST", "/v1/qr-codes/batch", { body, headers, signal });
      batch.forEach((row, index) => {
        row.state = "created";
        row.note = data[index]?.short_url ?? "";
      });
      return;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      const isPassing = error.status === 0 || error.status === 429 || error.status >= 500;
      if (isPassing && tries < triesMax) {
        await new Promise((resolve) => setTimeout(resolve, waitMs));
        continue;
      }
      if (isPassing || error.status === 401) throw error;
      refuse(batch, error);
      return;
    }
  }
}

/** Marks the rows at fault; those that are not wait for the next batch. If no row is named, the whole batch is at fault. */
function refuse(batch: Row[], error: ApiError): void {
  const byRow = new Map<number, FieldIssue[]>();
  for (const detail of error.details) {
    const match = /^qr_codes\.(\d+)\.?(.*)$/.exec(detail.field);
    if (!match) continue;
    const index = Number(match[1]);
    byRow.set(index, [...(byRow.get(index) ?? []), { field: match[2] ?? "", issue: detail.issue }]);
  }
  batch.forEach((row, index) => {
    const issues = byRow.get(index);
    if (byRow.size > 0 && !issues) return;
    row.state = "failed";
    row.note = issues ? issues.map(({ field, issue }) => `${field} ${issue}`.trim()).join("; ") : error.message;
  });
}
