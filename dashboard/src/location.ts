import { useSyncExternalStore } from "react";
import { isHeldBack, leave } from "./leaving.ts";

/**
 * Where the dashboard is: the part of the address behind `#`. It changes by links, by the Back button and by typing, and
 * each of them asks first if something is not saved. Entries of the history are numbered, so that a step which has been
 * taken already can be taken back until there is an answer.
 */
const read = () => `/${location.hash.replace(/^#?\/?/, "")}`;
const indexOf = (state: unknown) => (state as { index?: number } | null)?.index;

let shown = read();
let index = indexOf(history.state) ?? 0;
history.replaceState({ index }, "");
const listeners = new Set<() => void>();

function show(): void {
  shown = read();
  for (const listener of listeners) listener();
}

function navigate(to: string, { replace = false }: { replace?: boolean } = {}): void {
  if (to === shown) return;
  leave(() => {
    if (replace) history.replaceState({ index }, "", `#${to}`);
    else history.pushState({ index: ++index }, "", `#${to}`);
    show();
  });
}

addEventListener("popstate", () => {
  // An entry without a number was made by the browser, for an address that was typed or a plain link.
  const target = indexOf(history.state) ?? index + 1;
  if (isHeldBack() && read() !== shown) {
    const steps = target - index;
    history.go(-steps);
    leave(() => history.go(steps));
    return;
  }
  index = target;
  history.replaceState({ index }, "");
  if (read() !== shown) show();
});

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** The location as wouter wants it, and how to change it. */
export function useGuardedLocation(): [string, typeof navigate] {
  return [useSyncExternalStore(subscribe, () => shown), navigate];
}
useGuardedLocation.hrefs = (path: string) => `#${path}`;
