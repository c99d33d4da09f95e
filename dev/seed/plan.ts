/** Plan of the data, derived from the seed and the requested numbers; without ids and times. */

import { Plan } from "../../gen/qrforge/auth/v1/account_pb.ts";
import { FinderShape, ModuleShape } from "../../gen/qrforge/qr/v1/qr_code_pb.ts";
import { caption, codeName, keyName, projectText } from "./names.ts";
import { apportion, between, cumulate, indexAt, pick, type Random, stream, weighted } from "./random.ts";
import { pickCountry, type Rhythm } from "./scans.ts";
import { redirectUrl } from "./urls.ts";

/** Requested numbers. */
export interface Amounts {
  codes: number;
  scans: number;
  logos: number;
  accounts: number;
  days: number;
  seed: number;
}

export interface PlannedAccount {
  number: number;
  plan: Plan;
  /** Limits of an enterprise account; 0 is unlimited. */
  limits: { perMinute: bigint; perDay: bigint } | undefined;
  isDisabled: boolean;
  codes: number;
  logos: number;
  projects: { name: string; description: string }[];
  keys: PlannedKey[];
  ageDays: number;
}

export interface PlannedKey {
  name: string;
  /** Number of rotations, and whether the last key is revoked. */
  rotations: number;
  isRevoked: boolean;
  /** Requests on a typical day. */
  perDay: number;
}

export interface PlannedCode {
  name: string;
  redirectUrl: string;
  /** Prefix of its slug, if it is a custom one. */
  slugStem: string;
  /** Index of its project in the account; -1 for the default one. */
  project: number;
  style: PlannedStyle | undefined;
  isArchived: boolean;
  rhythm: Rhythm;
  country: string;
  weight: number;
  /** When it came to exist and was archived: from 0, the account's beginning or a year ago, to 1, now. */
  created: number;
  archived: number;
}

export interface PlannedStyle {
  foreground: string;
  background: string;
  moduleShape: ModuleShape;
  finderShape: FinderShape;
  caption: string;
  /** Index of its logo in the account; -1 for none. */
  logo: number;
}

const projectsMax = 250;
const keysMax = 150;

/** Returns weights by rank: few accounts have most of the codes. */
const zipf = (exponent: number) => (_: unknown, rank: number) => 1 / (rank + 1) ** exponent;

/** Plans accounts: the first has the most codes; of ten or more, the last has none. */
export function planAccounts({ accounts, codes, logos, seed }: Amounts): PlannedAccount[] {
  const weights = Array.from({ length: accounts }, zipf(1.1));
  if (accounts >= 10) weights[accounts - 1] = 0;
  const codesOf = apportion(codes, weights);
  // No account has more logos than codes.
  const logosOf = apportion(logos, codesOf);
  return codesOf.map((own, number) => {
    const random = stream(seed, `account ${number}`);
    const plan = number === 0 ? Plan.ENTERPRISE : pickPlan(random);
    const isEnterprise = plan === Plan.ENTERPRISE;
    const count = own < 5 ? 0 : Math.min(projectsMax, 1 + Math.floor(own / between(random, 30, 60)));
    return {
      number,
      plan,
      limits: isEnterprise ? pick(random, enterpriseLimits) : undefined,
      isDisabled: number > 4 && random() < 0.04,
      codes: own,
      logos: logosOf[number] as number,
      projects: Array.from({ length: count }, (_, index) => projectText(random, index + 1)),
      keys: planKeys(random, isEnterprise ? Math.min(keysMax, 2 + Math.floor(own / 40)) : 1, own),
      ageDays: between(random, number === 0 ? 380 : 20, 700),
    };
  });
}

const pickPlan = weighted([
  [Plan.FREE, 45],
  [Plan.PRO, 35],
  [Plan.ENTERPRISE, 20],
]);
const enterpriseLimits = [
  { perMinute: 6_000n, perDay: 1_000_000n },
  { perMinute: 0n, perDay: 0n },
  { perMinute: 1_200n, perDay: 200_000n },
];

function planKeys(random: Random, count: number, codes: number): PlannedKey[] {
  return Array.from({ length: count }, (_, index) => ({
    name: keyName(random, index + 1),
    rotations: random() < 0.2 ? between(random, 1, 3) : 0,
    // The first stays in use.
    isRevoked: index > 0 && random() < 0.2,
    perDay: Math.round(((codes + 20) * (0.2 + random())) / (index + 1) ** 0.8),
  }));
}

const palettes = [
  { foreground: "#0f3d38", background: "#ffffff" },
  { foreground: "#3b1d6e", background: "#ffffff" },
  { foreground: "#7a1f1f", background: "#fff7ef" },
  { foreground: "#123a7a", background: "#eef4ff" },
  { foreground: "#1b1b1b", background: "#ffe873" },
];
const stems = ["menu", "summer-sale", "table", "wifi", "poster", "ticket-shop", "job", "card"];

/** Plans the codes of an account, one after the other. */
export function* planCodes(account: PlannedAccount, { seed, codes }: Amounts): Generator<PlannedCode> {
  const random = stream(seed, `codes of ${account.number}`);
  const projectSums = cumulate(account.projects.map(zipf(0.7)));
  for (let index = 0; index < account.codes; index++) {
    const created = index === 0 ? 0 : random();
    const isArchived = index > 0 && random() < 0.07;
    yield {
      name: codeName(random),
      redirectUrl: redirectUrl(random),
      slugStem: random() < 0.12 ? pick(random, stems) : "",
      project: account.projects.length > 0 && random() < 0.8 ? indexAt(projectSums, random()) : -1,
      style: planStyle(random, index, account.logos),
      isArchived,
      rhythm: pickRhythm(random),
      country: pickCountry(random),
      // As if it were any of the ranks: few codes have most of the scans.
      weight: 1 / (1 + Math.floor(random() * codes)) ** 1.1,
      created,
      archived: isArchived ? created + (1 - created) * (0.2 + 0.7 * random()) : 1,
    };
  }
}

const pickRhythm = weighted<Rhythm>([
  ["place", 50],
  ["campaign", 25],
  ["office", 13],
  ["weekend", 12],
]);

/** The style of the code at a place in its account; the first ones have the logos. */
function planStyle(random: Random, index: number, logos: number): PlannedStyle | undefined {
  const isPlain = random() < 0.8;
  const hasShape = random() < 0.3;
  // Each logo once, and again where it does not make a symbol that few would print.
  const hasLogo = index < logos || (logos > 0 && random() < 0.01);
  if (isPlain && !hasLogo) return undefined;
  return {
    ...pick(random, palettes),
    moduleShape: hasShape && !hasLogo ? pick(random, [ModuleShape.DOT, ModuleShape.ROUNDED]) : ModuleShape.SQUARE,
    finderShape: hasShape && !hasLogo ? pick(random, [FinderShape.CIRCLE, FinderShape.ROUNDED]) : FinderShape.SQUARE,
    caption: random() < 0.4 ? caption(random) : "",
    logo: hasLogo ? (index < logos ? index : between(random, 0, logos - 1)) : -1,
  };
}
