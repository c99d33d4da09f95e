import type { Change } from "../code-draft.ts";
import { messages } from "../messages.ts";
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
        <p>{changes.length === 0 ? messages.editCode.mergedNothing : messages.editCode.merged}</p>
        <ul>
          {changes.map(({ field, before, theirs, mine }) => {
            const name = nameOf(field);
            const hasTheirs = fieldOf(field) === theirs;
            return (
              <li key={field}>
                {messages.editCode.change(name, show(field, before), show(field, theirs))}
                {mine !== undefined && (
                  <>
                    {` ${messages.editCode.yours(show(field, mine))} `}
                    <Button onClick={() => onTake(field, hasTheirs ? mine : theirs)}>
                      {hasTheirs ? messages.editCode.takeMine(name) : messages.editCode.takeTheirs(name)}
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
