import type { Logger } from "../telemetry/log.ts";

/** Closes resources in the reverse order of their opening. */
export interface Closer {
  /** Registers the close function of a resource. */
  defer(name: string, close: () => Promise<unknown> | unknown): void;
  /** Starts a loop that runs until the signal is aborted; closing aborts the signal and waits for the loop to end. */
  loop(name: string, run: (closing: AbortSignal) => Promise<void>): void;
  /** Closes all resources, newest first. Logs a close that fails and continues. Further calls return the same promise. */
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
