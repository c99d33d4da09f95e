import { useQuery } from "@tanstack/react-query";
import { type Key, read, readAll, type Usage } from "../api.ts";
import { FailedQuery, formatNumber, Loading, PageHead } from "../components/basics.tsx";
import { Chart } from "../components/chart.tsx";
import { Freshness } from "../components/freshness.tsx";
import { Line, Table } from "../components/table.tsx";
import { live } from "../live.ts";
import { messages } from "../messages.ts";

const liveMs = 5_000;

export default function UsagePage() {
  const query = useQuery({
    queryKey: ["usage"],
    ...live(liveMs),
    queryFn: ({ signal }) => read<Usage>("/usage", signal),
  });
  const { data: usage, error } = query;
  const { data: keys } = useQuery({ queryKey: ["keys"], queryFn: ({ signal }) => readAll<Key>("/keys", signal) });
  const nameOf = (id: string | null) => keys?.find((key) => key.id === id)?.name ?? id ?? messages.usage.noKey;
  return (
    <>
      <PageHead title={messages.usage.title} />
      <p className="lead">{messages.usage.lead}</p>
      {usage ? <Freshness query={query} everyMs={liveMs} /> : <FailedQuery query={query} />}
      {!usage && !error && <Loading />}
      {usage && (
        <>
          <Gauges title={messages.usage.api} windows={usage} />
          <Gauges title={messages.usage.dashboard} windows={usage.dashboard} />
          <p className="note">{messages.usage.dashboardHint}</p>
          <div className="card">
            <Chart
              title={messages.usage.days}
              unit="day"
              points={usage.days.map(({ date, used }) => ({ start: `${date}T00:00:00Z`, value: used }))}
            />
          </div>
          <section className="card">
            <h2>{messages.usage.byKey}</h2>
            {usage.by_key.length === 0 && <p className="muted">{messages.usage.none}</p>}
            {usage.by_key.length > 0 && (
              <Table
                caption={messages.usage.byKey}
                rows={usage.by_key}
                keyOf={({ key_id }) => key_id ?? ""}
                columns={[
                  { label: messages.keys.key, cell: ({ key_id }) => <Line>{nameOf(key_id)}</Line> },
                  { label: messages.usage.admitted, kind: "number", cell: ({ admitted }) => formatNumber(admitted) },
                  { label: messages.usage.refused, kind: "number", cell: ({ refused }) => formatNumber(refused) },
                ]}
              />
            )}
          </section>
          <details className="card">
            <summary>{messages.usage.refusal}</summary>
            <p>{messages.usage.refusalHint}</p>
            <pre>{exampleOf(usage)}</pre>
          </details>
        </>
      )}
    </>
  );
}

function Gauges({ title, windows }: { title: string; windows: Usage["dashboard"] }) {
  return (
    <div className="columns two">
      <Gauge title={`${title}: ${messages.usage.minute}`} window={windows.minute} />
      <Gauge title={`${title}: ${messages.usage.day}`} window={windows.day} />
    </div>
  );
}

function Gauge({ title, window }: { title: string; window: Usage["minute"] }) {
  const { used, limit, resets_at } = window;
  const seconds = Math.max(0, Math.round((Date.parse(resets_at) - Date.now()) / 1_000));
  return (
    <section className="card gauge">
      <h2>{title}</h2>
      <p className="figure">
        <strong>{formatNumber(used)}</strong>{" "}
        {limit === null ? messages.usage.unlimited : messages.usage.of(formatNumber(limit))}
      </p>
      {limit !== null && <meter aria-label={title} value={used} max={limit} high={limit * 0.8} optimum={0} />}
      <p className="muted">{messages.usage.resets(seconds)}</p>
    </section>
  );
}

/** What a client gets that goes beyond the minute, with this account's limits. */
function exampleOf({ minute, day }: Usage): string {
  const policy = [
    minute.limit !== null && `"minute";q=${minute.limit};w=60`,
    day.limit !== null && `"day";q=${day.limit};w=86400`,
  ].filter(Boolean);
  return [
    "HTTP/1.1 429 Too Many Requests",
    "Retry-After: 12",
    ...(policy.length > 0 ? [`RateLimit-Policy: ${policy.join(", ")}`] : []),
    "",
    '{"ok":false,…,"code":"rate_limit_minute","message":"Too many requests this minute."}',
  ].join("\n");
}
