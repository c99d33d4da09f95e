import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useDeferredValue, useState } from "react";
import { Link } from "wouter";
import { askPage, type Code, type Project, readAll } from "../api.ts";
import {
  Button,
  Empty,
  FailedQuery,
  Field,
  formatNumber,
  Loading,
  PageHead,
  Select,
  Time,
} from "../components/basics.tsx";
import { CodeCountLine } from "../components/code-count.tsx";
import { Freshness } from "../components/freshness.tsx";
import { ReachBadge, ReachNotice } from "../components/reach.tsx";
import { SymbolImage } from "../components/symbol-image.tsx";
import { type Column, Line, Table } from "../components/table.tsx";
import { live } from "../live.ts";
import { messages } from "../messages.ts";

/** How often the list looks for new codes and scans, in ms. */
const liveMs = 5_000;
const pageSize = 20;

const statuses = [
  ["active", messages.codes.active],
  ["archived", messages.codes.archived],
  ["all", messages.codes.all],
] as const;

/** Marks a code whose scans are not redirected. */
function StatusBadge({ code }: { code: Code }) {
  if (code.taken_down) return <span className="badge warning">{messages.codes.takenDown}</span>;
  return code.status === "archived" ? <span className="badge">{messages.codes.archived}</span> : null;
}

const columns: Column<Code>[] = [
  {
    label: messages.codes.symbol,
    hidesLabel: true,
    kind: "symbol",
    cell: (code) => <SymbolImage code={code} size={320} alt="" isThumbnail />,
  },
  {
    label: messages.codes.name,
    kind: "title",
    cell: (code) => (
      <>
        <Link href={`/codes/${code.id}`} className="name">
          <Line>{code.name}</Line>
        </Link>
        <span className="under">
          <Line className="muted mono">{`/${code.slug}`}</Line>
          <ReachBadge />
          <StatusBadge code={code} />
        </span>
      </>
    ),
  },
  { label: messages.codes.target, cell: (code) => <Line className="muted">{code.redirect_url}</Line> },
  { label: messages.codes.scans, kind: "number", cell: (code) => formatNumber(code.scan_count) },
  { label: messages.codes.created, kind: "date", cell: (code) => <Time value={code.created_at} /> },
];

export function useProjects() {
  return useQuery({
    queryKey: ["projects"],
    queryFn: ({ signal }) => readAll<Project>("/v1/projects?page_size=100", signal),
  });
}

export function CodesPage() {
  const [search, setSearch] = useState("");
  const [status, setStatus] = useState<"active" | "archived" | "all">("active");
  const [projectId, setProjectId] = useState("");
  const projects = useProjects();
  const q = useDeferredValue(search);
  const query = useInfiniteQuery({
    queryKey: ["codes", { q, status, projectId }],
    initialPageParam: "",
    ...live(liveMs),
    queryFn({ pageParam, signal }) {
      const query = new URLSearchParams({ page_size: String(pageSize), status });
      if (q !== "") query.set("q", q);
      if (projectId !== "") query.set("project_id", projectId);
      if (pageParam !== "") query.set("next_page_token", pageParam);
      return askPage<Code>("GET", `/v1/qr-codes?${query}`, { signal });
    },
    getNextPageParam: ({ next_page_token }) => next_page_token || undefined,
  });
  const { data, error, isPending, hasNextPage, fetchNextPage, isFetchingNextPage } = query;
  const codes = data?.pages.flatMap((page) => page.items) ?? [];
  const isFiltered = q !== "" || projectId !== "" || status !== "active";
  return (
    <>
      <PageHead title={messages.codes.title}>
        <Link href="/codes/bulk" className="button plain">
          {messages.codes.bulk}
        </Link>
        <Link href="/codes/new" className="button primary">
          {messages.codes.create}
        </Link>
      </PageHead>
      <form className="filters" onSubmit={(event) => event.preventDefault()}>
        <Field
          label={messages.codes.search}
          type="search"
          maxLength={200}
          value={search}
          onChange={(event) => setSearch(event.target.value)}
        />
        <Select
          label={messages.codes.project}
          value={projectId}
          options={[
            ["", messages.codes.anyProject],
            ...(projects.data ?? []).map(({ id, name }) => [id, name] as const),
          ]}
          onChange={setProjectId}
        />
        <Select label={messages.codes.status} value={status} options={statuses} onChange={setStatus} />
      </form>
      <CodeCountLine />
      {data ? <Freshness query={query} everyMs={liveMs} isQuiet /> : <FailedQuery query={query} />}
      {isPending && !error && <Loading />}
      {data && codes.length === 0 && (
        <Empty title={isFiltered ? messages.codes.noMatch : messages.codes.none}>
          {!isFiltered && <p>{messages.codes.noneHint}</p>}
        </Empty>
      )}
      {codes.length > 0 && (
        <div className="card">
          <ReachNotice isOfMany />
          <Table caption={messages.codes.title} columns={columns} rows={codes} keyOf={({ id }) => id} />
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
