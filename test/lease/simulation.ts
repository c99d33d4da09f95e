import { pino } from "pino";
import { isUnavailable } from "../../platform/errors.ts";
import type { createLeasedCache, LeasedCache } from "../../platform/lease/cache.ts";
import type { createLeaseGranter, LeaseGranter, LeaseStore } from "../../platform/lease/granter.ts";
import type { createLeaseHolder, LeaseHolder } from "../../platform/lease/holder.ts";
import type { Grant } from "../../platform/lease/protocol.ts";
import type { Clock } from "../../platform/process/clock.ts";
import { createDatabase } from "./database.ts";

/** The code under test: the real modules, or a broken variant of one. */
export interface Modules {
  createLeaseHolder: typeof createLeaseHolder;
  createLeasedCache: typeof createLeasedCache;
  createLeaseGranter: typeof createLeaseGranter;
}

/** One thing that may happen next. */
export type OptionKind = "run" | "lose" | "double" | "advance";

/** What kind of thing it is, and in which stream of messages it is one: `commit`, `broadcast→holder0`, … */
export interface Option {
  kind: OptionKind;
  stream: string;
}

/** Decides what happens next: an index into the options. The first option is what a calm system would do. */
export type Choose = (options: Option[]) => number;

/** What people and accidents do to the system; each happens once, at a moment that the schedule chooses. */
export type Stimulus =
  | { do: "request"; holder: number; key: string }
  | { do: "change"; key: string }
  | { do: "pause" | "resume" | "crash"; holder: number }
  /** A pause that lasts until the granter has forgotten the holder. */
  | { do: "absence"; holder: number }
  | { do: "crash-granter" }
  | { do: "trim" }
  /** The database loses its last commits of changes and all later statements; all that there ever were if there are fewer. */
  | { do: "lose"; commits: number }
  /** Holds back what comes after it until every change call has returned. */
  | { do: "returned" };

export interface WorldOptions {
  modules: Modules;
  stimuli: Stimulus[];
  /** Whether they happen one after the other, the next after an absence only when it is over; else in any order. */
  inOrder?: boolean;
  /** How many processes hold a lease; 2 unless told otherwise. */
  holders?: number;
  choose: Choose;
  /** Rates of the holders' and the granter's clocks, near 1. */
  rates?: { holders: number[]; granter: number };
  /** Broken on purpose: a change takes its position before it commits, so commits come out of order. */
  looseLog?: boolean;
  /** Whether the database answers before time passes, as it must for the liveness of changes. */
  promptDatabase?: boolean;
}

export interface Outcome {
  /** Requests that were given what was no longer true when they started; empty if the promise was kept. */
  violations: string[];
  /** How long each change call waited, in ms of its own clock. */
  waits: number[];
  requests: number;
  steps: number;
}

export const times = { leaseMs: 2_000, renewMs: 500, marginMs: 100, pollMs: 700 };
const rpcTimeoutMs = 900;
const stepsMax = 160;
const silent = pino({ level: "silent" });

interface Event {
  owner: string;
  stream: string;
  lossy: boolean;
  run(): void;
}

interface Timer {
  owner: string;
  due: number;
  fire(): void;
}

interface HolderProcess {
  owner: string;
  lease: LeaseHolder;
  cache: LeasedCache<number>;
}

/** Runs the real protocol code in a world where every message, statement and timer happens when the schedule says so. */
export async function simulate(options: WorldOptions): Promise<Outcome> {
  const { modules, choose } = options;
  const outcome: Outcome = { violations: [], waits: [], requests: 0, steps: 0 };
  let now = 0;
  let pending: Event[] = [];
  let timers: Timer[] = [];
  const paused = new Set<string>();
  const absent = new Set<string>();
  let open = 0;

  const database = createDatabase({ looseLog: options.looseLog === true });
  /** Versions that are promised to be seen: those of changes that have returned and are not lost. */
  const returned = new Map<string, number>();

  const push = (owner: string, stream: string, run: () => void, lossy = false) =>
    pending.push({ owner, stream, run, lossy });

  function clockOf(owner: string, rate: number): Clock {
    return {
      now: () => now,
      monotonic: () => now * rate,
      sleep: (ms, signal) =>
        new Promise((resolve) => {
          const timer = { owner, due: now + Math.max(0, ms) / rate, fire: resolve };
          if (signal?.aborted) return resolve();
          timers.push(timer);
          signal?.addEventListener("abort", () => {
            timers = timers.filter((one) => one !== timer);
            resolve();
          });
        }),
    };
  }

  /** A statement: it takes effect at one moment, and its answer arrives at a later one. */
  function query<T>(owner: string, stream: string, effect: () => T): Promise<T> {
    return new Promise((resolve) =>
      push("database", stream, () => {
        const value = effect();
        push(owner, `${stream} done`, () => resolve(value));
      }),
    );
  }

  /** A call to another process, which may lose its question or its answer; then the deadline tells. */
  function call<T>(from: string, to: string, stream: string, serve: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const timer = { owner: from, due: now + rpcTimeoutMs, fire: () => reject(new Error("deadline")) };
      timers.push(timer);
      push(
        to,
        `${stream} asked`,
        () =>
          void serve().then(
            (value) =>
              push(
                from,
                `${stream} answered`,
                () => {
                  timers = timers.filter((one) => one !== timer);
                  resolve(value);
                },
                true,
              ),
            () => {},
          ),
        true,
      );
    });
  }

  const storeOf = (owner: string): LeaseStore => ({
    register: (renewal, leaseMs) => query(owner, "register", () => database.register(renewal, leaseMs)),
    read: (renewal, keysMax) => query(owner, "read log", () => database.read(renewal, keysMax)),
    holders: (entries) => query(owner, "read holders", () => database.holders(entries)),
    settle: (unsettled) => query(owner, "settle", () => database.settle(unsettled)),
    forget: (row) => query(owner, "forget", () => database.forget(row)),
    release: (holder) => query(owner, "release", () => database.release(holder)),
    deleteExpired: () => query(owner, "trim", () => {}),
  });

  let granterOwner = "";
  let granter: LeaseGranter;
  let generation = 0;
  function startGranter(): void {
    const owner = `granter${++generation}`;
    granterOwner = owner;
    granter = modules.createLeaseGranter({
      store: storeOf(owner),
      times,
      clock: clockOf(owner, options.rates?.granter ?? 1),
      broadcast: (broadcast) => {
        for (const [index, { owner: to, lease }] of holders.entries()) {
          push(to, `broadcast ${index}`, () => lease.receive(broadcast), true);
        }
      },
      log: silent,
    });
    void granter.run();
  }

  const holders: HolderProcess[] = [];
  function startHolder(index: number): void {
    const owner = `holder${index}-${++generation}`;
    const clock = clockOf(owner, options.rates?.holders[index] ?? 1);
    const cache = modules.createLeasedCache<number>({
      load: (key) =>
        call(owner, "database", `load ${index}`, () => {
          return Promise.resolve(database.versionOf(key));
        }),
      leasedUntil: () => lease.leasedUntil(),
      loadTimeoutMs: rpcTimeoutMs,
      entriesMax: 10,
      isNegative: () => false,
      negativeLifetimeMs: 0,
      staleMs: 0,
      isUnavailable: () => true,
      clock,
    });
    const lease: LeaseHolder = modules.createLeaseHolder({
      holder: owner,
      times,
      clock,
      renew: (renewal) => call<Grant>(owner, granterOwner, `renew ${index}`, () => granter.renew(renewal)),
      acknowledge: (acknowledgement) => {
        push(granterOwner, `acknowledge ${index}`, () => granter.acknowledged(owner, acknowledgement), true);
      },
      forget: (keys) => cache.forget(keys),
      reset: () => cache.reset(),
      log: silent,
    });
    holders[index] = { owner, lease, cache };
    void lease.run();
  }

  function kill(owner: string): void {
    pending = pending.filter((event) => event.owner !== owner);
    timers = timers.filter((timer) => timer.owner !== owner);
    paused.delete(owner);
  }

  function request(index: number, key: string): void {
    const { owner, cache } = holders[index] as HolderProcess;
    outcome.requests++;
    // The request starts when its own process gets to it.
    push(owner, `request ${index}`, () => {
      const least = returned.get(key) ?? 0;
      const before = losses;
      cache.get(key, { timeoutMs: rpcTimeoutMs }).then(
        (version) => {
          // What was promised may be lost while a request is under way.
          if (version < least && before === losses)
            outcome.violations.push(`${owner} gave version ${version} of ${key}, ${least} had returned`);
        },
        () => {},
      );
    });
  }

  let changes = 0;
  async function change(key: string): Promise<void> {
    const commitStream = `commit ${++changes}`;
    const by = granterOwner;
    const through = granter;
    open++;
    const taken = options.looseLog ? await query(by, "take position", database.takePosition) : undefined;
    const { entries, version } = await query(by, commitStream, () => database.commit(key, commitStream, taken));
    try {
      outcome.waits.push((await through.propagate(entries)).elapsedMs);
      if (!database.isLost(entries.changeId)) returned.set(key, Math.max(version, returned.get(key) ?? 0));
    } catch (error) {
      // The call fails, and so promises nothing.
      if (!isUnavailable(error)) throw error;
    }
    open--;
  }

  let losses = 0;
  function lose(commits: number): void {
    losses++;
    database.lose(commits);
    for (const [key, version] of returned) returned.set(key, Math.min(version, database.versionOf(key)));
  }

  function perform(stimulus: Stimulus): void {
    const owner = "holder" in stimulus ? (holders[stimulus.holder] as HolderProcess).owner : "";
    if (stimulus.do === "request") request(stimulus.holder, stimulus.key);
    else if (stimulus.do === "change") void change(stimulus.key);
    else if (stimulus.do === "pause") paused.add(owner);
    else if (stimulus.do === "resume") paused.delete(owner);
    else if (stimulus.do === "absence") {
      paused.add(owner);
      absent.add(owner);
    } else if (stimulus.do === "crash") {
      kill(owner);
      startHolder(stimulus.holder);
    } else if (stimulus.do === "crash-granter") {
      // Its change calls die with it; whoever made them never hears of it.
      kill(granterOwner);
      open = 0;
      startGranter();
    } else if (stimulus.do === "lose") lose(stimulus.commits);
    else if (stimulus.do === "trim") database.trim();
  }

  let untold: Stimulus[] = [];
  function tellNext(): void {
    if (untold[0]?.do === "returned" && open > 0) return;
    const stimulus = untold.shift();
    if (stimulus) push("world", "world", () => perform(stimulus));
  }

  async function settle(): Promise<void> {
    for (let tick = 0; tick < 14; tick++) await null;
  }

  /** Lets one thing happen; false if nothing can. */
  async function step(pick: Choose): Promise<boolean> {
    for (const owner of absent) {
      if (database.isRegistered(owner)) continue;
      absent.delete(owner);
      paused.delete(owner);
    }
    if (absent.size === 0 && !pending.some(({ owner }) => owner === "world")) tellNext();
    const runnable = pending.filter(({ owner }) => !paused.has(owner));
    const next = timers
      .filter(({ owner }) => !paused.has(owner))
      .reduce<Timer | undefined>((first, timer) => (first && first.due <= timer.due ? first : timer), undefined);
    const offers: Option[] = [];
    const acts: (() => void)[] = [];
    const take = (event: Event) => {
      pending = pending.filter((one) => one !== event);
    };
    const offer = (kind: OptionKind, stream: string, act: () => void) => {
      offers.push({ kind, stream });
      acts.push(act);
    };
    for (const event of runnable) {
      offer("run", event.stream, () => {
        take(event);
        event.run();
      });
    }
    const hasty = options.promptDatabase && runnable.some(({ owner }) => /^(database|granter)/.test(owner));
    if (next && !hasty) {
      offer("advance", "time", () => {
        now = Math.max(now, next.due);
        timers = timers.filter((timer) => timer !== next);
        next.fire();
      });
    }
    for (const event of runnable) {
      if (!event.lossy) continue;
      offer("lose", event.stream, () => take(event));
      offer("double", event.stream, event.run);
    }
    if (acts.length === 0) return false;
    (acts[pick(offers)] as () => void)();
    outcome.steps++;
    await settle();
    return true;
  }

  startGranter();
  const indices = Array.from({ length: options.holders ?? 2 }, (_, index) => index);
  for (const index of indices) startHolder(index);
  await settle();
  const calm: Choose = () => 0;
  // Both holders get their leases and have both keys in their caches before anything goes wrong.
  while (holders.some(({ lease }) => lease.applied() === undefined)) await step(calm);
  for (const index of indices) for (const key of ["a", "b"]) request(index, key);
  for (let warm = 0; warm < 14; warm++) await step(calm);

  untold = [...options.stimuli];
  if (!options.inOrder) while (untold.length > 0) tellNext();
  const first = outcome.steps;
  while (outcome.steps - first < stepsMax && (await step(choose))) {
    if (untold.length === 0 && open === 0 && !pending.some(({ owner }) => !paused.has(owner))) break;
  }
  // Whatever is under way may finish.
  paused.clear();
  for (let rest = 0; rest < 25 && outcome.violations.length === 0; rest++) await step(calm);
  return outcome;
}
