import type { IncomingHttpHeaders } from "node:http";

/**
 * Headers that the edge, or a library in it, reads as lists. What reads a list takes time that grows with its elements, for
 * some with their square.
 */
export const listHeaders = [
  "accept",
  "accept-encoding",
  "connect-accept-encoding",
  "cookie",
  "grpc-accept-encoding",
  "if-match",
  "if-none-match",
  "range",
  "x-forwarded-for",
  "x-forwarded-proto",
] as const;

/** Maximum number of elements of a list, and of their parameters, in one header. */
export const elementsMax = 100;

/** Returns the first header of a request that is too long a list; undefined if none is. */
export function findLongList(headers: IncomingHttpHeaders): string | undefined {
  return listHeaders.find((name) => {
    const value = headers[name];
    return typeof value === "string" && value.length >= elementsMax && countSeparators(value) >= elementsMax;
  });
}

function countSeparators(value: string): number {
  let count = 0;
  for (let at = 0; at < value.length; at++) if (value[at] === "," || value[at] === ";") count++;
  return count;
}

/** Returns how many lines of a head have this name; `rawHeaders` has names and values in turn. */
export function countOf(rawHeaders: readonly string[], name: string): number {
  return rawHeaders.filter((text, at) => at % 2 === 0 && text.toLowerCase() === name).length;
}

/** Returns the size of a head in bytes, as HTTP/2 counts it (RFC 9113, section 6.5.2). */
export function headerListSize(rawHeaders: readonly string[]): number {
  return rawHeaders.reduce((size, text) => size + text.length, 0) + (rawHeaders.length / 2) * 32;
}

/** Returns whether a text is `uri-host [ ":" port ]` (RFC 9110, section 7.2). */
export function isHost(text: string): boolean {
  return /^(?:\[[0-9a-f:.]+\]|(?:[\w.~!$&'()*+,;=-]|%[0-9a-f]{2})*)(?::\d{0,5})?$/i.test(text);
}
