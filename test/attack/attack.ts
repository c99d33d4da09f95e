import type { Target } from "./target.ts";

/** What an attack is after. */
export const kinds = [
  "access",
  "browser",
  "messages",
  "pictures",
  "connections",
  "load",
  "guessing",
  "faults",
] as const;
export type Kind = (typeof kinds)[number];

export interface Attack {
  kind: Kind;
  /** What is tried. */
  name: string;
  /** What must hold meanwhile and afterwards. */
  promise: string;
  /** Tries it and returns what was seen, in a few words. Throws if the promise is broken. */
  run(target: Target): Promise<string>;
}

export interface Outcome {
  kind: Kind;
  name: string;
  promise: string;
  held: boolean;
  /** What was seen, or what broke. */
  seen: string;
  seconds: number;
}

/** Runs attacks one after the other; what one holds open is closed before the next begins. */
export async function runAttacks(
  attacks: readonly Attack[],
  target: Target,
  onOutcome: (outcome: Outcome) => void = () => {},
): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  for (const attack of attacks) {
    const outcome = await runAttack(attack, target);
    outcomes.push(outcome);
    onOutcome(outcome);
  }
  return outcomes;
}

/** Longest time of one attack, in ms: it counts as broken after that. */
const attackMaxMs = 180_000;

async function runAttack({ kind, name, promise, run }: Attack, target: Target): Promise<Outcome> {
  const startedAt = performance.now();
  const timeout = Promise.withResolvers<never>();
  const timer = setTimeout(() => timeout.reject(new Error(`no end after ${attackMaxMs / 1_000} s`)), attackMaxMs);
  const end = (held: boolean, seen: string) => ({
    ...{ kind, name, promise, held, seen },
    seconds: Math.round((performance.now() - startedAt) / 100) / 10,
  });
  try {
    const seen = await Promise.race([run(target), timeout.promise]);
    return end(true, seen);
  } catch (error) {
    return end(false, error instanceof Error ? (error.message.split("\n")[0] as string) : String(error));
  } finally {
    clearTimeout(timer);
    target.closeOpen();
  }
}
