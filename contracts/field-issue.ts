/** One field at fault: its dotted path, and what to change, as the rest of a sentence that begins with the field's name. */
export interface FieldIssue {
  field: string;
  issue: string;
}

/** Returns the fields that have an issue, in the order given. */
export function toFieldIssues(issues: readonly (readonly [field: string, issue: string | undefined])[]): FieldIssue[] {
  return issues.flatMap(([field, issue]) => (issue === undefined ? [] : [{ field, issue }]));
}
