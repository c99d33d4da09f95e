import { fstatSync, writeSync } from "node:fs";

/** Maximum size of lines that wait for a slow reader of a pipe, in bytes. Further lines are lost, and counted. */
const waitingBytesMax = 1 << 20;

/** Where log lines go. A line that cannot be written is lost; the process goes on. */
export interface LogWriter {
  /** Writes one line, with its end. */
  write(line: string): void;
}

/**
 * Returns a writer to standard output that never blocks and never fails, whatever is on the other side: a full disk, a pipe
 * whose reader is slow, stalled or gone. After lines were lost, the next one that can be written says how many.
 *
 * pino's own destination retries an error such as ENOSPC for ever, and blocks while a pipe is full.
 */
export function createLogWriter(): LogWriter {
  const tryWrite = isFile(1) ? createFileWrite(1) : createStreamWrite();
  let lost = 0;
  return {
    write(line) {
      if (lost > 0 && tryWrite(`${JSON.stringify({ level: "warn", message: "log lines lost", lost })}\n`)) lost = 0;
      if (lost > 0 || !tryWrite(line)) lost++;
    },
  };
}

/** Whether a descriptor is written at once, or fails at once: a file, or a device that is no terminal. */
function isFile(fd: number): boolean {
  const stat = fstatSync(fd);
  return stat.isFile() || (stat.isCharacterDevice() && !process.stdout.isTTY);
}

type TryWrite = (line: string) => boolean;

function createFileWrite(fd: number): TryWrite {
  /** Whether the file ends in the middle of a line. */
  let isCut = false;
  return (line) => {
    const bytes = Buffer.from(isCut ? `\n${line}` : line);
    try {
      const written = writeSync(fd, bytes);
      isCut = written < bytes.length;
      return !isCut;
    } catch {
      return false;
    }
  };
}

function createStreamWrite(): TryWrite {
  const { stdout } = process;
  // Node makes pipes blocking, so that a reader that stalls would stop the process.
  Reflect.get(stdout, "_handle")?.setBlocking?.(false);
  let isGone = false;
  stdout.on("error", () => {
    isGone = true;
  });
  return (line) => {
    if (isGone || stdout.destroyed || stdout.writableLength > waitingBytesMax) return false;
    stdout.write(line);
    return true;
  };
}
