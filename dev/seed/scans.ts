import { randomUUID } from "node:crypto";
import { apportion, cumulate, indexAt, pick, type Random, stream, weighted } from "./random.ts";

export const dayMs = 86_400_000;
const hourMs = 3_600_000;

/** Distribution of a code's scans. */
export interface ScannedCode {
  codeId: string;
  /** Its share of the scans of a typical day. */
  weight: number;
  /** Times of creation and, if any, of archiving; ms since the Unix epoch. */
  createdMs: number;
  archivedMs: number;
  rhythm: Rhythm;
  country: string;
}

/** A place that is open every day, a campaign that fades, an office, an event of weekends. */
export type Rhythm = "place" | "campaign" | "office" | "weekend";

/** Scans by day of the week, Sunday first. */
const weekdays: Record<Rhythm, number[]> = {
  place: [1.1, 0.7, 0.75, 0.8, 1, 1.35, 1.5],
  campaign: [0.8, 1, 1.05, 1.05, 1, 1.1, 1],
  office: [0.15, 1.3, 1.35, 1.3, 1.25, 1, 0.2],
  weekend: [2, 0.25, 0.25, 0.3, 0.4, 1.3, 2.5],
};

/** Scans by the local hour. */
const hours: Record<Rhythm, number[]> = {
  place: [2, 1, 0.5, 0.3, 0.3, 0.6, 1.5, 3, 4, 4, 5, 8, 12, 11, 6, 5, 6, 8, 11, 13, 11, 8, 6, 4],
  campaign: [2, 1, 0.6, 0.4, 0.5, 1, 3, 7, 8, 6, 6, 7, 8, 7, 7, 7, 8, 9, 9, 8, 7, 6, 5, 3],
  office: [0.2, 0.1, 0.1, 0.1, 0.2, 0.5, 3, 8, 13, 14, 12, 10, 8, 10, 12, 11, 9, 5, 2, 1, 1, 0.8, 0.5, 0.3],
  weekend: [5, 4, 2, 0.8, 0.4, 0.4, 0.6, 1, 2, 4, 6, 8, 8, 8, 9, 9, 9, 9, 10, 11, 11, 10, 9, 7],
};

/** Hours that a country's clocks are ahead of UTC, about. */
const offsets: Record<string, number> = {
  US: -6,
  BR: -3,
  GB: 0,
  JP: 9,
  CN: 8,
  IN: 5,
  TH: 7,
  SA: 3,
  IL: 2,
  UA: 2,
  GR: 2,
};
/** Hours ahead of UTC in the other countries. */
const offsetFallback = 1;

/** Countries in which most codes are used. */
export const pickCountry = weighted([
  ...([
    ["DE", 26],
    ["FR", 12],
    ["US", 12],
    ["GB", 8],
    ["IT", 7],
    ["PL", 6],
    ["ES", 5],
    ["AT", 4],
    ["CH", 4],
  ] as const),
  ...([
    ["UA", 3],
    ["GR", 3],
    ["IL", 2],
    ["SA", 2],
    ["JP", 3],
    ["CN", 2],
    ["TH", 1],
    ["IN", 3],
    ["BR", 2],
  ] as const),
]);
const visitors =
  "NL BE DK SE NO FI CZ PT IE TR KR AU CA MX AR ZA EG MA VN ID PH SG NZ RO HU BG HR SI SK LT LV EE".split(" ");
const pickDevice = weighted([
  ["mobile", 83],
  ["desktop", 8],
  ["tablet", 5],
  ["other", 1],
  ["unknown", 3],
]);
const pickReferrer = weighted([
  ...([
    ["direct", 80],
    ["www.instagram.com", 5],
    ["www.google.com", 4],
    ["l.facebook.com", 3],
  ] as const),
  ...([
    ["t.co", 2],
    ["maps.google.com", 2],
    ["www.tiktok.com", 1.5],
    ["www.linkedin.com", 1],
  ] as const),
  ...Array.from({ length: 24 }, (_, index) => [`news-${index}.example`, 1.5 / 24] as const),
]);

/** The share of scans by who scanned the same code that day already. */
const againShare = 0.18;
/** Days in which a campaign loses half of its scans. */
const halfLifeDays = 21;

/** A day, UTC, and how many scans fall on it. */
export interface DayOfScans {
  startMs: number;
  scans: number;
}

/** Returns the weight of a code's scans on a day; 0 before its creation and after archiving. */
function weightOn(code: ScannedCode, startMs: number): number {
  if (code.createdMs >= startMs || code.archivedMs < startMs + dayMs) return 0;
  const ageDays = (startMs - code.createdMs) / dayMs;
  const fading = code.rhythm === "campaign" ? 0.03 + 4 * 0.5 ** (ageDays / halfLifeDays) : 1;
  return code.weight * fading * (weekdays[code.rhythm][new Date(startMs).getUTCDay()] as number);
}

/**
 * Divides scans over the days up to now: more in summer, more lately than a year ago, some days better than others, and by
 * what the codes of each day are worth. The last day is as long as it has lasted.
 */
export function planDays(
  codes: readonly ScannedCode[],
  options: { scans: number; days: number; nowMs: number; seed: number },
): DayOfScans[] {
  const { scans, days, nowMs, seed } = options;
  const random = stream(seed, "days");
  const todayMs = Math.floor(nowMs / dayMs) * dayMs;
  const starts = Array.from({ length: days }, (_, index) => todayMs - (days - 1 - index) * dayMs);
  const weights = starts.map((startMs) => {
    const season = 1 + 0.25 * Math.sin(((startMs / dayMs - 100) / 365.25) * 2 * Math.PI);
    const growth = 1 - (0.4 * (todayMs - startMs)) / (365 * dayMs);
    const noise = 0.85 + 0.3 * random();
    const lasted = startMs === todayMs ? (nowMs - todayMs) / dayMs : 1;
    const all = codes.reduce((sum, code) => sum + weightOn(code, startMs), 0);
    return season * growth * noise * lasted * all;
  });
  return apportion(scans, weights).map((count, index) => ({ startMs: starts[index] as number, scans: count }));
}

/** Maximum number of scans in one chunk of rows. */
const chunkScansMax = 1_000;

/**
 * Yields a day's scans as rows of Postgres' COPY text format, some at a time: scan_id, code_id, scanned_at, device, country,
 * referrer, visitor. None is later than `nowMs`.
 */
export function* scanRows(
  codes: readonly ScannedCode[],
  day: DayOfScans,
  options: { nowMs: number; seed: number },
): Generator<string> {
  const { startMs } = day;
  const random = stream(options.seed, `scans of ${new Date(startMs).toISOString()}`);
  const lengthMs = Math.min(dayMs, options.nowMs - startMs);
  const sums = cumulate(codes.map((code) => weightOn(code, startMs)));
  const hourSums = createHourSums(Math.ceil(lengthMs / hourMs));
  /** Last visitor of each code. */
  const last = new Map<ScannedCode, string>();
  let rows = "";
  for (let index = 1; index <= day.scans; index++) {
    const code = codes[indexAt(sums, random())] as ScannedCode;
    const hour = indexAt(hourSums(code), random());
    const atMs = startMs + Math.min(hour * hourMs + Math.floor(random() * hourMs), lengthMs - 1);
    const known = random() < againShare ? last.get(code) : undefined;
    const visitor = known ?? `${hex(random)}${hex(random)}`;
    last.set(code, visitor);
    const country = random() < 0.85 ? code.country : random() < 0.8 ? pick(random, visitors) : "unknown";
    const time = new Date(atMs).toISOString();
    rows += `${randomUUID()}\t${code.codeId}\t${time}\t${pickDevice(random)}\t${country}\t${pickReferrer(random)}\t\\\\x${visitor}\n`;
    if (index % chunkScansMax === 0 || index === day.scans) {
      yield rows;
      rows = "";
    }
  }
}

/** Returns the running sums of a code's hours of the day, UTC, of which so many have begun. */
function createHourSums(begun: number): (code: ScannedCode) => number[] {
  const known = new Map<string, number[]>();
  return ({ rhythm, country }) => {
    const name = `${rhythm} ${country}`;
    let sums = known.get(name);
    if (!sums) {
      const offset = offsets[country] ?? offsetFallback;
      sums = cumulate(Array.from({ length: begun }, (_, hour) => hours[rhythm][(hour + offset + 24) % 24] as number));
      known.set(name, sums);
    }
    return sums;
  };
}

/** Returns 32 random bits as 8 hex digits. */
function hex(random: Random): string {
  return Math.floor(random() * 0x1_0000_0000)
    .toString(16)
    .padStart(8, "0");
}
