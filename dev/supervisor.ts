import type { ChildProcess } from "node:child_process";
import path from "node:path";
import { UserError } from "../cli/errors.ts";
import { root } from "../cli/settings.ts";
import { spawnNode } from "./child.ts";
import type { InfraCommand, InfraMessage, InfraRequest, ServerState } from "./dev-servers.ts";

export interface ServerStates {
  postgres: ServerState | null;
  nats: ServerState | null;
}

/** The process that runs Postgres and nats-server (`dev/dev-servers.ts`), as the launcher sees it. */
export interface Supervisor {
  child: ChildProcess;
  /** Which servers run now. */
  state(): ServerStates;
  /** Resolves when the servers are up; rejects with a UserError if one cannot be had. */
  started: Promise<void>;
  /** Stops or starts a server and waits until that is so. */
  command(command: InfraCommand): Promise<void>;
}

const commandMaxMs = 30_000;

/** Starts the supervisor; returns at once, so that it can be ended at any moment. */
export function spawnSupervisor(options: {
  request: InfraRequest;
  logFile: string;
  tell(text: string): void;
  /** Called with every change of the servers' state after the first. */
  onChange(): void;
  /** Called when it ends after it had started. */
  onExit(code: number | null): void;
}): Supervisor {
  const { request, logFile, tell } = options;
  const child = spawnNode(path.join(root, "dev", "dev-servers.ts"), {
    args: [JSON.stringify(request)],
    env: process.env,
    logFile,
  });
  let state: ServerStates = { postgres: null, nats: null };
  let isUp = false;
  let notify = () => {};
  const started = new Promise<void>((resolve, reject) => {
    child.on("message", (message: InfraMessage) => {
      if ("tell" in message) tell(message.tell);
      else if ("problem" in message) {
        if (isUp) tell(message.problem);
        reject(new UserError(message.problem));
      } else {
        state = message.up;
        if (isUp) options.onChange();
        isUp = true;
        notify();
        resolve();
      }
    });
    child.once("exit", (code) => {
      if (isUp) options.onExit(code);
      reject(new UserError(`the supervisor of Postgres and NATS ended (code ${code}); see ${logFile}`));
    });
  });
  // Also heard where the launcher stops before it waits for this.
  started.catch(() => {});
  return {
    child,
    state: () => state,
    started,
    command: (command) =>
      new Promise((resolve, reject) => {
        const timer = setTimeout(() => reject(new Error("the supervisor did not answer")), commandMaxMs);
        notify = () => {
          clearTimeout(timer);
          resolve();
        };
        child.send(command);
      }),
  };
}
