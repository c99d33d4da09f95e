import type { Change } from "../code-draft.ts";
import { text } from "../text.ts";
import { Button, Notice } from "./basics.tsx";

/** Says what somebody else changed meanwhile, and lets each field be theirs or mine. */
export function ConflictNotice({
  changes,
  nameOf,
  show,
  fieldOf,
  onTake,
}: {
  changes: Change[];
  nameOf(field: string): string;
  /** Returns a field's value in words. */
  show(field: string, value: Change["theirs"]): string;
  /** Returns what the form has for a field now. */
  fieldOf(field: string): Change["theirs"];
  onTake(field: string, value: Change["theirs"]): void;
}) {
  return (
    <Notice kind="warning">
      <div role="status" className="conflict">
        <p>{changes.length === 0 ? text.editCode.mergedNothing : text.editCode.merged}</p>
        <ul>
          {changes.map(({ field, before, theirs, mine }) => {
            const name = nameOf(field);
            const hasTheirs = fieldOf(field) === theirs;
            return (
              <li key={field}>
                {text.editCode.change(name, show(field, before), show(field, theirs))}
                {mine !== undefined && (
                  <>
                    {` ${text.editCode.yours(show(field, mine))} `}
                    <Button onClick={() => onTake(field, hasTheirs ? mine : theirs)}>
                      {hasTheirs ? text.editCode.takeMine(name) : text.editCode.takeTheirs(name)}
                    </Button>
                  </>
                )}
              </li>
            );
          })}
        </ul>
      </div>
    </Notice>
  );
}
