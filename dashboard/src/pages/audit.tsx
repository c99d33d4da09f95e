import { useInfiniteQuery } from "@tanstack/react-query";
import { type AuditEntry, ask } from "../api.ts";
import { Button, FailedQuery, Loading, PageHead } from "../parts/basics.tsx";
import { type Column, Line, Table } from "../parts/table.tsx";
import { text } from "../text.ts";

const timeFormat = new Intl.DateTimeFormat("en", { dateStyle: "medium", timeStyle: "medium" });

const columns: Column<AuditEntry>[] = [
  {
    label: text.audit.time,
    kind: "time",
    cell: ({ time }) => <time dateTime={time}>{timeFormat.format(new Date(time))}</time>,
  },
  {
    label: text.audit.action,
    cell: ({ action, key_id }) => (
      <>
        <span className="name">{text.audit.actions[action] ?? action}</span>
        {key_id && <Line className="mono muted">{key_id}</Line>}
      </>
    ),
  },
  {
    label: text.audit.actor,
    cell: ({ actor }) => <Line>{actor.startsWith("account:") ? text.audit.you : actor}</Line>,
  },
  { label: text.audit.address, cell: ({ address }) => <Line className="mono">{address}</Line> },
];

export default function AuditPage() {
  const query = useInfiniteQuery({
    queryKey: ["audit"],
    initialPageParam: "",
    queryFn: ({ pageParam, signal }) =>
      ask<AuditEntry[]>("GET", `/audit${pageParam === "" ? "" : `?before=${pageParam}`}`, { signal }),
    getNextPageParam: ({ next_cursor }) => next_cursor || undefined,
  });
  const { data, error, hasNextPage, fetchNextPage, isFetchingNextPage } = query;
  const entries = data?.pages.flatMap((page) => page.data) ?? [];
  return (
    <>
      <PageHead title={text.audit.title} />
      <p className="lead">{text.audit.lead}</p>
      <FailedQuery query={query} />
      {!data && !error && <Loading />}
      {entries.length > 0 && (
        <div className="card">
          <Table caption={text.audit.title} columns={columns} rows={entries} keyOf={({ sequence }) => sequence} />
        </div>
      )}
      {hasNextPage && (
        <Button onClick={() => fetchNextPage()} busy={isFetchingNextPage}>
          {text.more}
        </Button>
      )}
    </>
  );
}
