import type { ChildProcess } from "node:child_process";
import path from "node:path";
import { UserError } from "../cli/errors.ts";
import { root } from "../cli/settings.ts";
import { spawnNode } from "./child.ts";
import type { DevServersCommand, DevServersMessage, DevServersRequest, NatsState, ServerState } from "./dev-servers.ts";

export interface ServerStates {
  postgres: ServerState | null;
  nats: NatsState | null;
}

/** The process that runs Postgres and nats-server (`dev/dev-servers.ts`), as the launcher sees it. */
export interface Supervisor {
  child: ChildProcess;
  /** Servers that run now. */
  state(): ServerStates;
  /** Resolves when the servers are up; rejects with a UserError if one cannot be started. */
  started: Promise<void>;
  /** Stops or starts a server and waits until it is done. */
  command(command: DevServersCommand): Promise<void>;
}

/** Timeout of a command, in ms. */
const commandTimeoutMs = 30_000;

/** Starts the supervisor. Returns at once, so that it can be ended at any moment. */
export function spawnSupervisor(options: {
  request: DevServersRequest;
  logFile: string;
  report(text: string): void;
  /** Called with every change of the servers' state after the first. */
  onChange(): void;
  /** Called when it ends after it had started. */
  onExit(code: number | null): void;
}): Supervisor {
  const { request, logFile, report } = options;
  const child = spawnNode(path.join(root, "dev", "dev-servers.ts"), {
    args: [JSON.stringify(request)],
    env: process.env,
    logFile,
  });
  let state: ServerStates = { postgres: null, nats: null };
  let isUp = false;
  const commands = createPendingCommands((message) => child.send(message), commandTimeoutMs);
  const started = new Promise<void>((resolve, reject) => {
    child.on("message", (message: DevServersMessage) => {
      if ("report" in message) report(message.report);
      else if ("problem" in message) {
        if (isUp) report(message.problem);
        reject(new UserError(message.problem));
      } else {
        state = message.up;
        if (isUp) options.onChange();
        isUp = true;
        if (message.done !== undefined) commands.done(message.done);
        resolve();
      }
    });
    child.once("exit", (code) => {
      if (isUp) options.onExit(code);
      const error = new UserError(`the supervisor of Postgres and NATS ended (code ${code}); see ${logFile}`);
      commands.fail(error);
      reject(error);
    });
  });
  // Also handled where the launcher stops before it waits for this.
  started.catch(() => {});
  return { child, state: () => state, started, command: commands.send };
}

/** Commands that wait for their answer, each by its id, so that several at once do not take each other's. */
export function createPendingCommands(send: (message: DevServersCommand & { id: number }) => void, timeoutMs: number) {
  const pending = new Map<number, { resolve(): void; reject(error: Error): void }>();
  let lastId = 0;
  return {
    /** Sends a command and waits until it is done. */
    send(command: DevServersCommand): Promise<void> {
      const id = ++lastId;
      return new Promise((resolve, reject) => {
        const timer = setTimeout(() => settle(reject, new Error("the supervisor did not answer")), timeoutMs);
        const settle = <T extends unknown[]>(how: (...result: T) => void, ...result: T) => {
          clearTimeout(timer);
          pending.delete(id);
          how(...result);
        };
        pending.set(id, { resolve: () => settle(resolve), reject: (error) => settle(reject, error) });
        send({ ...command, id });
      });
    },
    /** Resolves the command with this id. */
    done: (id: number) => pending.get(id)?.resolve(),
    /** Rejects every command that waits. */
    fail(error: Error): void {
      for (const { reject } of [...pending.values()]) reject(error);
    },
  };
}
