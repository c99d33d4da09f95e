import { type ReactNode, useState } from "react";
import { messages } from "../messages.ts";
import { Button } from "./basics.tsx";

export interface Column<T> {
  label: string;
  /** Keeps the label for screen readers alone, where the content speaks for itself. */
  hidesLabel?: boolean;
  /** How the column is set and how wide it is; without it, it shares what the others leave. A card needs no label for its title. */
  kind?: "title" | "symbol" | "number" | "date" | "time" | "code" | "actions";
  cell(row: T): ReactNode;
}

/**
 * A list with fixed column widths, whatever is in it; where there is little room each row is a card. The roles are
 * written out, since browsers drop those of a table that is not laid out as one.
 */
export function Table<T>({
  caption,
  columns,
  rows,
  keyOf,
}: {
  caption: string;
  columns: Column<T>[];
  rows: T[];
  keyOf(row: T): string | number;
}) {
  return (
    // biome-ignore-start lint/a11y/noRedundantRoles: not redundant once a style sheet has changed `display`
    <table role="table" className="list" aria-label={caption}>
      <thead role="rowgroup">
        <tr role="row">
          {columns.map(({ label, hidesLabel, kind }) => (
            <th key={label} role="columnheader" scope="col" className={kind}>
              {hidesLabel ? <span className="visually-hidden">{label}</span> : label}
            </th>
          ))}
        </tr>
      </thead>
      <tbody role="rowgroup">
        {rows.map((row) => (
          <tr key={keyOf(row)} role="row">
            {columns.map(({ label, hidesLabel, kind, cell }) => (
              <td
                key={label}
                role="cell"
                className={kind}
                data-label={hidesLabel || kind === "title" ? undefined : label}
              >
                {cell(row)}
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
    // biome-ignore-end lint/a11y/noRedundantRoles: see above
  );
}

/** One line of text, however long: what does not fit is an ellipsis, and the whole is its title. */
export function Line({ children, className = "" }: { children: string; className?: string }) {
  return (
    <span className={`line ${className}`} title={children} dir="auto">
      {children}
    </span>
  );
}

/** Characters of a long text that are shown before all of it is asked for. */
const briefMax = 240;

/** A text of any length on its own page: its beginning, and the whole of it on request. */
export function LongText({ children }: { children: string }) {
  const [isWhole, setWhole] = useState(false);
  if (children.length <= briefMax) return <>{children}</>;
  return (
    <>
      {isWhole ? children : `${children.slice(0, briefMax)}…`}{" "}
      <Button kind="quiet" aria-expanded={isWhole} onClick={() => setWhole(!isWhole)}>
        {isWhole ? messages.less : messages.all}
      </Button>
    </>
  );
}
