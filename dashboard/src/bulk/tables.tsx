import { type ReactNode, useState } from "react";
import { Button, formatNumber } from "../components/basics.tsx";
import { messages } from "../messages.ts";
import type { Fault, Row } from "./check.ts";

const pageSize = 50;

/** A table that shows some of its lines at a time, so that ten thousand are no burden. */
function PagedTable<T>({
  kind,
  label,
  heads,
  items,
  row,
}: {
  kind: "faults" | "rows";
  label: string;
  heads: readonly string[];
  items: readonly T[];
  row(item: T, index: number): ReactNode;
}) {
  const [page, setPage] = useState(0);
  const last = Math.max(0, Math.ceil(items.length / pageSize) - 1);
  const from = Math.min(page, last) * pageSize;
  const shown = items.slice(from, from + pageSize);
  return (
    <section className="card" aria-label={label}>
      <h2>{label}</h2>
      <table className={`bulk-table ${kind}`}>
        <thead>
          <tr>
            {heads.map((head, index) => (
              <th key={head} scope="col" className={index === 0 ? "number" : undefined}>
                {head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>{shown.map((item, index) => row(item, from + index))}</tbody>
      </table>
      {last > 0 && (
        <div className="actions">
          <Button disabled={from === 0} onClick={() => setPage(Math.min(page, last) - 1)}>
            {messages.bulk.previous}
          </Button>
          <span aria-live="polite">
            {messages.bulk.shown(formatNumber(from + 1), formatNumber(from + shown.length), formatNumber(items.length))}
          </span>
          <Button disabled={page >= last} onClick={() => setPage(page + 1)}>
            {messages.bulk.next}
          </Button>
        </div>
      )}
    </section>
  );
}

export function FaultTable({ label, faults }: { label: string; faults: readonly Fault[] }) {
  return (
    <PagedTable
      kind="faults"
      label={label}
      heads={[messages.bulk.line, messages.bulk.column, messages.bulk.value, messages.bulk.issue]}
      items={faults}
      row={({ line, field, value, issue }, index) => (
        <tr key={index}>
          <td className="number">{line}</td>
          <td className="mono">{field ?? messages.bulk.wholeLine}</td>
          <td className="clipped" title={value}>
            {value}
          </td>
          <td className="fault">{issue}</td>
        </tr>
      )}
    />
  );
}

export function RowTable({ label, rows }: { label: string; rows: readonly Row[] }) {
  return (
    <PagedTable
      kind="rows"
      label={label}
      heads={[messages.bulk.line, messages.codes.name, messages.codes.target, messages.bulk.slug]}
      items={rows}
      row={({ line, name, redirect_url, slug }) => (
        <tr key={line}>
          <td className="number">{line}</td>
          <td className="clipped" title={name}>
            {name}
          </td>
          <td className="clipped target" title={redirect_url}>
            {redirect_url}
          </td>
          <td className="mono clipped">{slug || <span className="muted">{messages.bulk.chosenSlug}</span>}</td>
        </tr>
      )}
    />
  );
}
