import { useSyncExternalStore } from "react";

/** Where the edge is asked for nothing but an answer. */
const probePath = "/dashboard/api/session";
/** How long an answer to that is waited for, in ms. */
const probeTimeoutMs = 5_000;

/** Whether the edge answers. */
export interface Connection {
  isReachable: boolean;
  /** When it last answered, in ms since the epoch. */
  answeredAt: number;
  /** Probes in a row that got no answer. */
  failures: number;
  /** How often it has come back. */
  returns: number;
}

let connection: Connection = { isReachable: true, answeredAt: Date.now(), failures: 0, returns: 0 };
let probing: Promise<boolean> | undefined;
const listeners = new Set<() => void>();

function note(isAnswered: boolean): void {
  const { isReachable, answeredAt, failures, returns } = connection;
  connection = isAnswered
    ? { isReachable: true, answeredAt: Date.now(), failures: 0, returns: isReachable ? returns : returns + 1 }
    : { isReachable: false, answeredAt, failures: failures + 1, returns };
  // While all is well only the time changes, which nobody waits for.
  if (!isAnswered || !isReachable) for (const listener of listeners) listener();
}

/** Notes that a request was answered, be it by a refusal. */
export const noteAnswer = () => note(true);

/** Whether an answer comes from the edge: a proxy speaks in words of its own while there is none behind it. */
export function isFromEdge({ status, headers }: Response): boolean {
  return status < 502 || headers.get("content-type")?.startsWith("application/json") === true;
}

/**
 * Finds out, and returns, whether the edge answers. Called after any request that got no answer, since one that fails alone, as where a
 * browser's extension blocks it, says nothing of the others.
 */
export function probe(): Promise<boolean> {
  probing ??= fetch(probePath, { signal: AbortSignal.timeout(probeTimeoutMs) })
    .then(isFromEdge, () => false)
    .then((isAnswered) => {
      probing = undefined;
      note(isAnswered);
      return isAnswered;
    });
  return probing;
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export const useConnection = () => useSyncExternalStore(subscribe, () => connection);
