import type { Logger } from "../telemetry/log.ts";

/** Collects what must be closed, each beside its opening, and closes it in the opposite order. */
export interface Closer {
  /** Registers a close for something just opened. */
  defer(name: string, close: () => Promise<unknown> | unknown): void;
  /** Begins something that goes on until the signal is aborted; closing aborts it and waits for its end. */
  loop(name: string, run: (closing: AbortSignal) => Promise<void>): void;
  /** Closes everything, newest first; a close that fails is logged and does not stop the rest. Runs once. */
  close(): Promise<void>;
}

export function createCloser(log: Logger): Closer {
  const stack: { name: string; close: () => Promise<unknown> | unknown }[] = [];
  let closing: Promise<void> | undefined;
  async function closeAll(): Promise<void> {
    for (let entry = stack.pop(); entry; entry = stack.pop()) {
      try {
        await entry.close();
        log.debug({ name: entry.name }, "closed");
      } catch (error) {
        log.error({ error, name: entry.name }, "failed to close");
      }
    }
  }
  return {
    defer: (name, close) => stack.push({ name, close }),
    loop(name, run) {
      const closing = new AbortController();
      const running = run(closing.signal);
      stack.push({
        name,
        close() {
          closing.abort();
          return running;
        },
      });
    },
    close: () => {
      closing ??= closeAll();
      return closing;
    },
  };
}
