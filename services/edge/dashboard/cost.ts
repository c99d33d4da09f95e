import { costOf, type Route } from "../api/route.ts";
import type { ReadBody } from "../http/body-reader.ts";

/**
 * Returns the cost in units of an operation of the API over the dashboard: what writes or draws costs what it costs over the
 * API, and reads are free. An SVG, which pages show for each code of a list, counts as a read.
 */
export function costOverDashboard(route: Route, body: ReadBody, query: unknown): number {
  if (route.method !== "GET") return costOf(route, body);
  return route.reference.data === "file" && !isSvg(query) ? costOf(route, body) : 0;
}

function isSvg(query: unknown): boolean {
  return typeof query === "object" && query !== null && "format" in query && query.format === "svg";
}
