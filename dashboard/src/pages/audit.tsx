import { useInfiniteQuery } from "@tanstack/react-query";
import { type AuditEntry, askPage } from "../api.ts";
import { Button, FailedQuery, Loading, PageHead } from "../components/basics.tsx";
import { type Column, Line, LongText, Table } from "../components/table.tsx";
import { messages } from "../messages.ts";

const timeFormat = new Intl.DateTimeFormat("en", { dateStyle: "medium", timeStyle: "medium" });

const columns: Column<AuditEntry>[] = [
  {
    label: messages.audit.time,
    kind: "time",
    cell: ({ time }) => <time dateTime={time}>{timeFormat.format(new Date(time))}</time>,
  },
  {
    label: messages.audit.action,
    cell: ({ action, key_id, details }) => {
      const { slug, reason } = JSON.parse(details) as { slug?: string; reason?: string };
      return (
        <>
          <span className="name">{messages.audit.actions[action] ?? action}</span>
          {key_id && <Line className="mono muted">{key_id}</Line>}
          {slug && <Line className="mono muted">{slug}</Line>}
          {reason && <LongText>{reason}</LongText>}
        </>
      );
    },
  },
  {
    label: messages.audit.actor,
    cell: ({ actor }) => <Line>{actor.startsWith("account:") ? messages.audit.you : actor}</Line>,
  },
  { label: messages.audit.address, cell: ({ address }) => <Line className="mono">{address}</Line> },
];

export default function AuditPage() {
  const query = useInfiniteQuery({
    queryKey: ["audit"],
    initialPageParam: "",
    queryFn: ({ pageParam, signal }) =>
      askPage<AuditEntry>("GET", `/audit${pageParam === "" ? "" : `?before=${pageParam}`}`, { signal }),
    getNextPageParam: ({ next_page_token }) => next_page_token || undefined,
  });
  const { data, error, hasNextPage, fetchNextPage, isFetchingNextPage } = query;
  const entries = data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <>
      <PageHead title={messages.audit.title} />
      <p className="lead">{messages.audit.lead}</p>
      <FailedQuery query={query} />
      {!data && !error && <Loading />}
      {entries.length > 0 && (
        <div className="card">
          <Table caption={messages.audit.title} columns={columns} rows={entries} keyOf={({ sequence }) => sequence} />
        </div>
      )}
      {hasNextPage && (
        <Button onClick={() => fetchNextPage()} busy={isFetchingNextPage}>
          {messages.more}
        </Button>
      )}
    </>
  );
}
