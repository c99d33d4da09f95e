import { useInfiniteQuery } from "@tanstack/react-query";
import { type AuditEntry, ask } from "../api.ts";
import { Button, Failed, Loading, PageHead } from "../parts/basics.tsx";
import { text } from "../text.ts";

const timeFormat = new Intl.DateTimeFormat("en", { dateStyle: "medium", timeStyle: "medium" });

export default function AuditPage() {
  const { data, error, hasNextPage, fetchNextPage, isFetchingNextPage } = useInfiniteQuery({
    queryKey: ["audit"],
    initialPageParam: "",
    queryFn: ({ pageParam, signal }) =>
      ask<AuditEntry[]>("GET", `/audit${pageParam === "" ? "" : `?before=${pageParam}`}`, { signal }),
    getNextPageParam: ({ next_cursor }) => next_cursor || undefined,
  });
  const entries = data?.pages.flatMap((page) => page.data) ?? [];
  return (
    <>
      <PageHead title={text.audit.title} />
      <p className="lead">{text.audit.lead}</p>
      <Failed error={error} />
      {!data && !error && <Loading />}
      {entries.length > 0 && (
        <div className="card table-card">
          <table>
            <thead>
              <tr>
                <th scope="col">{text.audit.time}</th>
                <th scope="col">{text.audit.action}</th>
                <th scope="col">{text.audit.actor}</th>
                <th scope="col">{text.audit.address}</th>
              </tr>
            </thead>
            <tbody>
              {entries.map((entry) => (
                <tr key={entry.sequence}>
                  <td>
                    <time dateTime={entry.time}>{timeFormat.format(new Date(entry.time))}</time>
                  </td>
                  <td>
                    <span className="name">{text.audit.actions[entry.action] ?? entry.action}</span>
                    {entry.key_id && <span className="mono muted">{entry.key_id}</span>}
                  </td>
                  <td>{entry.actor.startsWith("account:") ? text.audit.you : entry.actor}</td>
                  <td className="mono">{entry.address}</td>
                </tr>
              ))}
            </tbody>
          </table>
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
