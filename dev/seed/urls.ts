import { between, pick, type Random, weighted } from "./random.ts";

const hosts = [
  ...[
    "cafe.example",
    "www.museum.example",
    "shop.example:8443",
    "tickets.festival.example",
    "a.very.deep.sub.domain.example",
  ],
  ...["bücher.example", "例え.example", "xn--bcher-kva.example"],
];
const places = [
  "menu",
  "tickets",
  "news/2026",
  "de/über-uns",
  "目录",
  "%D0%BC%D0%B5%D0%BD%D1%8E",
  "order",
  "jobs",
  "a/b/c/d",
];
const fillers = "abcdefghijklmnopqrstuvwxyz0123456789";
const lengthMax = 2_048;

const pickShape = weighted([
  ["place", 55],
  ["campaign", 30],
  ["fragment", 8],
  ["bare", 4],
  ["long", 2],
  ["longest", 1],
]);

/** Adds a query parameter so that the URL has this length, in UTF-16 units. */
function lengthen(random: Random, url: string, length: number): string {
  let text = `${url}?q=`;
  // Adds one part at a time, so that no percent-encoded character is cut.
  while (text.length < length)
    text += text.length + 3 <= length && random() < 0.05 ? "%20" : fillers[Math.floor(random() * fillers.length)];
  return text;
}

/** Returns the target URL of a code: up to 2,048 characters, sometimes exactly at the limit. */
export function redirectUrl(random: Random): string {
  const origin = `${random() < 0.06 ? "http" : "https"}://${pick(random, hosts)}`;
  const url = `${origin}/${pick(random, places)}`;
  switch (pickShape(random)) {
    case "bare":
      return origin;
    case "campaign":
      return `${url}?utm_source=${pick(random, ["poster", "flyer", "table", "parcel"])}&utm_campaign=${between(random, 1, 999)}`;
    case "fragment":
      return `${url}#section-${between(random, 1, 40)}`;
    case "long":
      return lengthen(random, url, between(random, 300, lengthMax - 1));
    case "longest":
      return lengthen(random, url, lengthMax);
    default:
      return `${url}/${between(random, 1, 9_999)}`;
  }
}
