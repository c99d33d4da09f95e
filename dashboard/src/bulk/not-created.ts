import type { Checked, Fault, Row } from "./check.ts";
import type { Run } from "./create.ts";
import { writeCsv } from "./csv.ts";

/**
 * Returns the rows of a file that are no codes: those with faults, those that the service refused, and those that the run did
 * not come to. Their CSV has what to change in a column of its own, which is ignored when the file is chosen again.
 */
export function notCreated(checked: Checked, run: Run | undefined): { length: number; rows: Row[]; toCsv(): Blob } {
  const made = new Set(run?.made.map(({ row }) => row.line));
  const open = run ? checked.good.filter(({ line }) => !made.has(line)) : [];
  const rows = [...checked.bad, ...open].sort((a, b) => a.line - b.line);
  return {
    length: rows.length,
    rows,
    toCsv() {
      const issues = issuesByLine([...checked.faults, ...(run?.faults ?? [])]);
      const cells = rows.map(({ line, name, redirect_url, slug }) => [
        ...[name, redirect_url, slug, line],
        issues.get(line) ?? "",
      ]);
      return writeCsv(["name", "redirect_url", "slug", "line", "what_to_change"], cells, true);
    },
  };
}

function issuesByLine(faults: readonly Fault[]): Map<number, string> {
  const issues = new Map<number, string>();
  for (const { line, field, issue } of faults) {
    const before = issues.get(line);
    issues.set(line, `${before ? `${before}; ` : ""}${field ? `${field} ` : ""}${issue}`);
  }
  return issues;
}
