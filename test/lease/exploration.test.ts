import { readFileSync } from "node:fs";
import { createRequire, stripTypeScriptTypes } from "node:module";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { describe, expect, it } from "vitest";
import { seeded } from "../../dev/seed/random.ts";
import { createLeasedCache } from "../../platform/lease/cache.ts";
import { createLeaseGranter } from "../../platform/lease/granter.ts";
import { createLeaseHolder } from "../../platform/lease/holder.ts";
import { root } from "../support/run.ts";
import {
  type Choose,
  type Modules,
  type Option,
  type Outcome,
  type Stimulus,
  simulate,
  times,
  type WorldOptions,
} from "./simulation.ts";

const real: Modules = { createLeaseHolder, createLeasedCache, createLeaseGranter };
const randomSchedules = 100_000;
/** The holders know a and b when a schedule begins, and c not yet. */
const keys = ["a", "b", "c"];

/** Stories that are told in half of the random schedules, in their order and at any pace. */
const stories = {
  "two changes": [
    { do: "change", key: "a" },
    { do: "change", key: "b" },
    { do: "returned" },
    { do: "request", holder: 0, key: "a" },
    { do: "request", holder: 0, key: "a" },
  ],
  "a first question": [
    { do: "request", holder: 0, key: "c" },
    { do: "change", key: "c" },
    { do: "returned" },
    { do: "request", holder: 0, key: "c" },
    { do: "request", holder: 0, key: "c" },
  ],
  "a holder that starts": [
    { do: "crash", holder: 0 },
    { do: "request", holder: 0, key: "c" },
    { do: "change", key: "c" },
    { do: "returned" },
    { do: "request", holder: 0, key: "c" },
    { do: "request", holder: 0, key: "c" },
  ],
  "a trimmed log": [
    { do: "request", holder: 0, key: "c" },
    { do: "change", key: "c" },
    { do: "trim" },
    { do: "returned" },
    { do: "request", holder: 0, key: "c" },
    { do: "request", holder: 0, key: "c" },
  ],
  "a holder that comes back": [
    { do: "absence", holder: 0 },
    { do: "change", key: "a" },
    { do: "returned" },
    { do: "request", holder: 0, key: "a" },
    { do: "request", holder: 0, key: "a" },
  ],
  "a lost history": [
    { do: "change", key: "a" },
    { do: "returned" },
    { do: "lose", commits: 1 },
    { do: "change", key: "b" },
    { do: "returned" },
    { do: "request", holder: 0, key: "b" },
    { do: "request", holder: 0, key: "b" },
  ],
  "a lost registration": [
    { do: "lose", commits: 1 },
    { do: "change", key: "a" },
    { do: "returned" },
    { do: "request", holder: 0, key: "a" },
    { do: "request", holder: 0, key: "a" },
  ],
} satisfies Record<string, Stimulus[]>;
type Story = keyof typeof stories;

interface RunOptions {
  modules: Modules;
  looseLog?: boolean;
  promptDatabase?: boolean;
  /** Which story to report; else anything may happen. */
  story?: Story;
}

/** A schedule drawn from a seed: what happens, and in what order. */
function randomRun(seed: number, options: RunOptions): Promise<Outcome> {
  const random = seeded(seed);
  const int = (below: number) => Math.floor(random() * below);
  const pickOne = <T>(from: T[]) => from[int(from.length)] as T;
  const anything = (): Stimulus => {
    const holder = int(2);
    const draw = random();
    if (draw < 0.5) return { do: "request", holder, key: pickOne(keys) };
    if (draw < 0.8) return { do: "change", key: pickOne(keys) };
    if (draw < 0.9) return { do: pickOne(["pause", "resume", "absence"] as const), holder };
    if (draw < 0.94) return { do: "crash", holder };
    if (draw < 0.98) return draw < 0.96 ? { do: "crash-granter" } : { do: "trim" };
    return { do: "lose", commits: 1 + int(3) };
  };
  const story = options.story ?? (random() < 0.5 ? pickOne(Object.keys(stories) as Story[]) : undefined);
  const stimuli = story ? stories[story] : Array.from({ length: 4 + int(8) }, anything);
  // Each stream of messages has a priority, and so has time; now and then one is drawn anew. The most urgent goes first,
  // so whole streams lag behind others, which is what it takes: https://dl.acm.org/doi/10.1145/1736020.1736040
  const lossiness = pickOne([0, 0, 0.1, 0.3]);
  const priorities = new Map<string, number>();
  const losses = new Map<string, number>();
  const drawn = (from: Map<string, number>, stream: string, draw: () => number): number => {
    const known = from.get(stream) ?? draw();
    from.set(stream, known);
    return known;
  };
  const restless = random() * 0.15;
  const patience = pickOne([0.05, 0.3, 0.7]);
  const choose: Choose = (options) => {
    const runs = options.filter(({ kind }) => kind === "run" || kind === "advance");
    if (random() < restless) priorities.set(pickOne(runs).stream, random());
    let first = 0;
    for (const [index, { stream }] of runs.entries()) {
      const best = drawn(priorities, (runs[first] as Option).stream, random);
      if (drawn(priorities, stream, random) > best) first = index;
    }
    const { kind, stream } = runs[first] as Option;
    // Time that has passed steps back, so that it does not run away from everything else.
    if (kind === "advance" && random() < patience) priorities.set(stream, random() * 0.5);
    if (kind === "run" && random() < drawn(losses, stream, () => (random() < lossiness ? random() : 0))) {
      const other = options.findIndex(
        (option) => option.stream === stream && option.kind === pickOne(["lose", "double"]),
      );
      if (other >= 0) return other;
    }
    return first;
  };
  const rate = () => 0.99 + random() * 0.02;
  return simulate({
    ...options,
    stimuli,
    inOrder: story !== undefined,
    holders: story === undefined ? 2 : 1,
    choose,
    rates: { holders: [rate(), rate()], granter: rate() },
  });
}

/** What happens one after the other to one holder. */
const inOrder = { inOrder: true, holders: 1 };
const bounds = { departures: 2, depth: 40 };

/** Every schedule that departs from the calm one at most `departures` times within its first `depth` choices. */
async function everyRun(
  stimuli: Stimulus[],
  world: Pick<WorldOptions, "modules" | "inOrder" | "holders">,
  bounds: { departures: number; depth: number },
  onOutcome: (outcome: Outcome, departures: number[][]) => boolean,
): Promise<number> {
  let count = 0;
  let stopped = false;
  async function explore(departures: number[][]): Promise<void> {
    const widths: number[] = [];
    let at = 0;
    const planned = new Map(departures as [number, number][]);
    const choose: Choose = (options) => {
      const place = at++;
      if (place < bounds.depth) widths[place] = options.length;
      return Math.min(planned.get(place) ?? 0, options.length - 1);
    };
    const outcome = await simulate({ ...world, stimuli, choose });
    count++;
    if (onOutcome(outcome, departures)) stopped = true;
    if (stopped || departures.length === bounds.departures) return;
    const from = (departures.at(-1)?.[0] ?? -1) + 1;
    for (let place = from; place < widths.length; place++) {
      for (let option = 1; option < (widths[place] ?? 1); option++) {
        await explore([...departures, [place, option]]);
        if (stopped) return;
      }
    }
  }
  await explore([]);
  return count;
}

const { resolve } = createRequire(path.join(root, "platform", "lease", "granter.ts"));

/** The real modules with one line of one of them changed; fails if the line is not there any more. */
async function broken(file: "holder" | "cache" | "granter", changes: [string, string][]): Promise<Modules> {
  let source = readFileSync(path.join(root, "platform", "lease", `${file}.ts`), "utf8");
  for (const [line, instead] of changes) {
    expect(source.split(line).length, `"${line}" stands once in ${file}.ts`).toBe(2);
    source = source.replace(line, instead);
  }
  // A data URL has no folder and no packages, so its imports have to be absolute.
  const script = stripTypeScriptTypes(source).replace(
    / from "([^"]+)";/g,
    (_, target: string) => ` from "${pathToFileURL(resolve(target))}";`,
  );
  const url = `data:text/javascript,${encodeURIComponent(script)}`;
  return { ...real, ...((await import(/* @vite-ignore */ url)) as Partial<Modules>) };
}

/** The first seed whose schedule breaks the promise. */
async function firstViolation(options: RunOptions, seeds: number): Promise<number | undefined> {
  for (let seed = 0; seed < seeds; seed++) {
    if ((await randomRun(seed, options)).violations.length > 0) return seed;
  }
  return undefined;
}

async function holdsInEveryRun(stimuli: Stimulus[], world: Pick<WorldOptions, "inOrder" | "holders">): Promise<void> {
  const count = await everyRun(stimuli, { ...world, modules: real }, bounds, (outcome, departures) => {
    expect(outcome.violations, JSON.stringify(departures)).toEqual([]);
    return false;
  });
  expect(count).toBeGreaterThan(1_000);
}

describe("once a change has returned, no request that starts afterwards is given what it changed", () => {
  it("in every schedule that departs from the calm one at most twice within 40 choices", {
    timeout: 240_000,
  }, async () => {
    const scenarios: Stimulus[][] = [
      [
        { do: "request", holder: 0, key: "a" },
        { do: "change", key: "a" },
        { do: "request", holder: 0, key: "a" },
        { do: "request", holder: 0, key: "a" },
      ],
      [
        { do: "pause", holder: 0 },
        { do: "change", key: "a" },
        { do: "resume", holder: 0 },
        { do: "request", holder: 0, key: "a" },
      ],
      [
        { do: "change", key: "a" },
        { do: "change", key: "b" },
        { do: "request", holder: 1, key: "a" },
        { do: "crash-granter" },
        { do: "request", holder: 1, key: "b" },
      ],
    ];
    for (const stimuli of scenarios) {
      await holdsInEveryRun(stimuli, {});
    }
    await holdsInEveryRun(stories["a lost history"], inOrder);
    await holdsInEveryRun(stories["a lost registration"], inOrder);
  });

  it(`in ${randomSchedules} random schedules`, { timeout: 240_000 }, async () => {
    let requests = 0;
    for (let seed = 0; seed < randomSchedules; seed++) {
      const outcome = await randomRun(seed, { modules: real });
      requests += outcome.requests;
      if (outcome.violations.length > 0) expect(outcome.violations, `seed ${seed}`).toEqual([]);
    }
    expect(requests).toBeGreaterThan(randomSchedules);
  });
});

describe("the exploration finds what is wrong with", () => {
  const seeds = 30_000;
  const found = async (options: RunOptions) => expect(await firstViolation(options, seeds)).toBeTypeOf("number");

  it("positions that are not in the order of commits", { timeout: 120_000 }, async () => {
    await found({ modules: real, looseLog: true, story: "two changes" });
  });

  it("a fill under way that is kept although its key was changed", { timeout: 120_000 }, async () => {
    await found({
      story: "a first question",
      modules: await broken("cache", [
        ["        negative.delete(key);\n        questions.delete(key);", "        negative.delete(key);"],
      ]),
    });
  });

  it("a lease that is counted from the answer instead of from the question", { timeout: 120_000 }, async () => {
    await found({
      story: "two changes",
      modules: await broken("holder", [
        ["Math.max(leasedUntil, sentAt +", "Math.max(leasedUntil, clock.monotonic() +"],
      ]),
    });
  });

  it("a question that a later request joins while there is no lease", { timeout: 120_000 }, async () => {
    await found({
      story: "a holder that starts",
      modules: await broken("cache", [
        ["return await load(key, timeoutMs);", "return await (questions.get(key)?.answer ?? askForAll(key));"],
      ]),
    });
  });

  it("a fill under way that survives a reset", { timeout: 120_000 }, async () => {
    await found({
      story: "a trimmed log",
      modules: await broken("cache", [
        ["      negative.clear();\n      questions.clear();", "      negative.clear();"],
      ]),
    });
  });

  it("a log that is read before the holder is registered", { timeout: 120_000 }, async () => {
    await found({
      story: "a holder that comes back",
      modules: await broken("granter", [
        ["      await store.register(renewal, times.leaseMs);\n", ""],
        [
          "      if (applied !== undefined) acknowledged",
          "      await store.register(renewal, times.leaseMs);\n      if (applied !== undefined) acknowledged",
        ],
      ]),
    });
  });
});

/** Finds a fault in the bounded exploration and in the random one. */
async function foundInBoth(story: Story, modules: Modules): Promise<void> {
  let isFound = false;
  await everyRun(stories[story], { ...inOrder, modules }, bounds, ({ violations }) => {
    isFound = violations.length > 0;
    return isFound;
  });
  expect(isFound).toBe(true);
  expect(await firstViolation({ modules, story }, 30_000)).toBeTypeOf("number");
}

describe("the exploration finds, in either way, what is wrong with", { timeout: 120_000 }, () => {
  it("positions that a lost history shares with the one that follows it", async () => {
    const modules = await broken("holder", [["applied, logId, changeId },", 'applied, logId, changeId: "" },']]);
    await foundInBoth("a lost history", modules);
  });

  it("a list of holders that is trusted after the last registrations were lost", async () => {
    const modules = await broken("granter", [
      ["first !== undefined && first.unsettled === undefined", "first !== undefined"],
    ]);
    await foundInBoth("a lost registration", modules);
  });
});

describe("a change call", () => {
  it("returns within one lease and its margin while the database answers, whatever is lost", {
    timeout: 120_000,
  }, async () => {
    let waits = 0;
    for (let seed = 0; seed < 20_000; seed++) {
      const outcome = await randomRun(seed, { modules: real, promptDatabase: true });
      waits += outcome.waits.length;
      for (const wait of outcome.waits) {
        if (wait > times.leaseMs + times.marginMs + 1e-6) expect.fail(`seed ${seed}: a change waited ${wait} ms`);
      }
    }
    expect(waits).toBeGreaterThan(10_000);
  });
});
