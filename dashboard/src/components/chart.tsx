import { lazy, Suspense } from "react";
import { messages } from "../messages.ts";
import { formatNumber } from "./basics.tsx";
import { Boundary } from "./boundary.tsx";
import { Line } from "./table.tsx";

const Plot = lazy(() => import("./plot.tsx"));

export interface Point {
  /** The beginning of the hour or day. */
  start: string;
  value: number;
}

/** Counts over time, drawn, and as a table for who cannot see it. */
export function Chart({ title, points, unit }: { title: string; points: Point[]; unit: "hour" | "day" }) {
  const format = new Intl.DateTimeFormat("en", {
    timeZone: "UTC",
    dateStyle: "medium",
    ...(unit === "hour" && { timeStyle: "short" }),
  });
  return (
    <figure className="chart">
      <figcaption>{title}</figcaption>
      <div aria-hidden="true" className="plot">
        <Boundary>
          <Suspense fallback={null}>
            <Plot points={points} unit={unit} />
          </Suspense>
        </Boundary>
      </div>
      <div className="visually-hidden">
        <table>
          <caption>{title}</caption>
          <thead>
            <tr>
              <th scope="col">{messages.chart.time}</th>
              <th scope="col">{messages.chart.count}</th>
            </tr>
          </thead>
          <tbody>
            {points
              .filter(({ value }) => value > 0)
              .map(({ start, value }) => (
                <tr key={start}>
                  <td>{format.format(new Date(start))}</td>
                  <td>{formatNumber(value)}</td>
                </tr>
              ))}
          </tbody>
        </table>
      </div>
    </figure>
  );
}

/** Shares of a whole as bars. */
export function Bars({ title, values }: { title: string; values: { value: string; scans: number }[] }) {
  const most = Math.max(1, ...values.map(({ scans }) => scans));
  return (
    <section className="card bars">
      <h3>{title}</h3>
      {values.length === 0 && <p className="muted">{messages.scans.none}</p>}
      <ul>
        {values.slice(0, 8).map(({ value, scans }) => (
          <li key={value}>
            <Line>{value}</Line>
            <span>{formatNumber(scans)}</span>
            <progress value={scans} max={most} aria-hidden="true" />
          </li>
        ))}
      </ul>
    </section>
  );
}
