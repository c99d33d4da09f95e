import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { read, type Scans } from "../api.ts";
import { live } from "../live.ts";
import { messages } from "../messages.ts";
import { FailedQuery, formatNumber, Loading, Select } from "./basics.tsx";
import { Bars, Chart } from "./chart.tsx";
import { Freshness } from "./freshness.tsx";

/** How often counts are read again, in ms. */
const liveMs = 2_000;
const hourMs = 3_600_000;

const ranges = {
  day: { label: messages.scans.lastDay, interval: "hour", spans: 24 },
  week: { label: messages.scans.lastWeek, interval: "hour", spans: 7 * 24 },
  month: { label: messages.scans.lastMonth, interval: "day", spans: 30 },
  year: { label: messages.scans.lastYear, interval: "day", spans: 365 },
} as const;
type Range = keyof typeof ranges;

const dimensions = ["device", "country", "referrer"] as const;

/** Scans of a code or of a project: over time, and by what, kept up to date. `path` is where they are counted. */
export function ScansView({ path }: { path: string }) {
  const [range, setRange] = useState<Range>("month");
  const { interval, spans } = ranges[range];
  const query = useQuery({
    queryKey: ["scans", path, range],
    ...live(liveMs),
    async queryFn({ signal }) {
      const spanMs = interval === "hour" ? hourMs : 24 * hourMs;
      const from = new Date(Date.now() - (spans - 1) * spanMs).toISOString();
      const all = await Promise.all(
        dimensions.map((by) => read<Scans>(`${path}?${new URLSearchParams({ interval, from, by })}`, signal)),
      );
      return dimensions.map((by, index) => ({ by, counts: all[index] as Scans }));
    },
  });
  const { data, error } = query;
  const counts = data?.[0]?.counts;
  return (
    <section className="scans" aria-labelledby="scans-title">
      <div className="section-head">
        <h2 id="scans-title">{messages.scans.title}</h2>
        <Select
          label={messages.scans.range}
          hidesLabel
          value={range}
          options={Object.entries(ranges).map(([name, { label }]) => [name as Range, label] as const)}
          onChange={setRange}
        />
      </div>
      {counts ? <Freshness query={query} everyMs={liveMs} /> : <FailedQuery query={query} />}
      {!counts && !error && <Loading />}
      {counts && (
        <>
          <dl className="figures">
            <div>
              <dt>{messages.scans.total}</dt>
              <dd data-testid="total-scans">{formatNumber(counts.total)}</dd>
            </div>
            <div>
              <dt>{messages.scans.visitors}</dt>
              <dd>{formatNumber(counts.unique_visitors)}</dd>
            </div>
          </dl>
          <div className="card">
            <Chart
              title={interval === "hour" ? messages.scans.byHour : messages.scans.byDay}
              unit={interval}
              points={counts.series.map(({ start, scans }) => ({ start, value: scans }))}
            />
          </div>
          <div className="columns">
            {data?.map(({ by, counts: { values } }) => (
              <Bars key={by} title={messages.scans.by[by]} values={values ?? []} />
            ))}
          </div>
        </>
      )}
    </section>
  );
}
