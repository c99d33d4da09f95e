import { useSyncExternalStore } from "react";

/** Whether the edge answers, by what came of the last request, whichever part of the page sent it. */
export interface Connection {
  isReachable: boolean;
  /** When it last answered, in ms since the epoch. */
  answeredAt: number;
  /** Requests in a row that got no answer. */
  failures: number;
  /** How often it has come back. */
  returns: number;
}

let connection: Connection = { isReachable: true, answeredAt: Date.now(), failures: 0, returns: 0 };
const listeners = new Set<() => void>();

/** Notes what came of a request: an answer, which may be a refusal, or none. */
export function noteOutcome(isAnswered: boolean): void {
  const { isReachable, answeredAt, failures, returns } = connection;
  connection = isAnswered
    ? { isReachable: true, answeredAt: Date.now(), failures: 0, returns: isReachable ? returns : returns + 1 }
    : { isReachable: false, answeredAt, failures: failures + 1, returns };
  // While all is well only the time changes, which nobody waits for.
  if (!isAnswered || !isReachable) for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export const useConnection = () => useSyncExternalStore(subscribe, () => connection);
