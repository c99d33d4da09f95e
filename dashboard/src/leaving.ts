import { useSyncExternalStore } from "react";

/** What is asked before something that is not saved would be lost. */
export interface LeaveQuestion {
  title: string;
  body: string;
  /** The answer that keeps what is there. */
  stay: string;
  /** The answer that gives it up. */
  leave: string;
}

interface Leaving {
  question: LeaveQuestion;
  proceed(): void;
}

const held = new Map<symbol, LeaveQuestion>();
let leaving: Leaving | undefined;
const listeners = new Set<() => void>();

/** Browsers ask in words of their own before a tab is closed or loaded again. */
function askBrowser(event: BeforeUnloadEvent): void {
  event.preventDefault();
}

function set(next: Leaving | undefined): void {
  leaving = next;
  for (const listener of listeners) listener();
}

function release(id: symbol): void {
  held.delete(id);
  if (held.size === 0) removeEventListener("beforeunload", askBrowser);
}

/** Has the question asked before anybody leaves, until the function that it returns is called. */
export function holdBack(question: LeaveQuestion): () => void {
  const id = Symbol();
  held.set(id, question);
  addEventListener("beforeunload", askBrowser);
  return () => release(id);
}

export const isHeldBack = () => held.size > 0;

/** Goes on with `proceed`: at once if all is saved, else once the person has agreed to lose what is not. */
export function leave(proceed: () => void): void {
  const question = [...held.values()].at(-1);
  if (question) set({ question, proceed });
  else proceed();
}

/** Takes the person's answer to the question. */
export function answerLeaving(doesLeave: boolean): void {
  const answered = leaving;
  set(undefined);
  if (!doesLeave || !answered) return;
  for (const id of [...held.keys()]) release(id);
  answered.proceed();
}

/** The question that waits for an answer, if one does. */
export function useLeaving(): LeaveQuestion | undefined {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => leaving,
  )?.question;
}
