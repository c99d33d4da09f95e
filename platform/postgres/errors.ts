import postgres from "postgres";
import { ServiceError } from "../errors.ts";
import { isPassingNetworkError } from "../network-errors.ts";

/** SQLSTATE of what ran out of its time: a statement (also one that somebody cancelled), a transaction. */
const lateStates = new Set(["57014", "25P04"]);

/**
 * SQLSTATE of what may pass by itself, so that the same transaction may succeed later. All others are final: somebody has to
 * change something. https://www.postgresql.org/docs/current/errcodes-appendix.html
 */
const passingStates = new Set([
  ...["25006", "25P03"], // a server that has become a standby; a transaction of ours that was cut off
  ...["40000", "40001", "40003", "40P01"], // rolled back for the sake of others
  ...["55006", "55P03"], // others use it, or have locked it
  ...["57000", "57P01", "57P02", "57P03", "57P05"], // the server ends, restarts, or ended an idle session
  ...["58000", "58030"], // the server's system or disk
  "HV00N", // another server behind this one
]);
/** Classes of such: the connection; disk, memory and connections of the server. */
const passingClasses = new Set(["08", "53"]);

/** Errors that the driver makes itself: the connection is lost or was never there, or did not answer in time. */
const passingDriverCodes = new Set([
  ...["CONNECTION_CLOSED", "CONNECTION_DESTROYED", "CONNECTION_ENDED"],
  ...["CONNECT_TIMEOUT", "ANSWER_TIMEOUT", "POOL_TIMEOUT"],
]);

function isPassing(error: Error, code: string): boolean {
  if (!(error instanceof postgres.PostgresError)) return passingDriverCodes.has(code) || isPassingNetworkError(error);
  // What a pooler refuses a connection for, each time again; all else that it says by this code passes.
  if (code === "08P01") return !/startup parameter/.test(error.message);
  // What a distributed Postgres (Citus) says when it loses one of its servers.
  if (code === "XX000") return /failure on connection/.test(error.message);
  return passingStates.has(code) || passingClasses.has(code.slice(0, 2));
}

/** Returns the SQLSTATE code of a server's error, or the driver's code of its own; empty for other errors. */
export function sqlCodeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "";
}

/** Returns a driver's error as DEADLINE_EXCEEDED or UNAVAILABLE; returns other errors unchanged, without row values. */
export function cleanSqlError(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof ServiceError) return error;
  const code = sqlCodeOf(error);
  if (lateStates.has(code)) return new ServiceError("DEADLINE_EXCEEDED", undefined, { cause: error });
  if (isPassing(error, code)) return new ServiceError("UNAVAILABLE", undefined, { cause: error, retryAfterS: 1 });
  // Details quote whole rows, which must not reach logs.
  Reflect.deleteProperty(error, "detail");
  Reflect.deleteProperty(error, "where");
  return error;
}

/** Returns a store whose methods reject with errors of `cleanSqlError`. */
export function cleanStore<T extends Record<string, (...args: never[]) => Promise<unknown>>>(store: T): T {
  const wrap =
    (method: (...args: never[]) => Promise<unknown>) =>
    async (...args: never[]) => {
      try {
        return await method(...args);
      } catch (error) {
        throw cleanSqlError(error);
      }
    };
  // The same methods under the same names, which the compiler cannot follow.
  return Object.fromEntries(Object.entries(store).map(([name, method]) => [name, wrap(method)])) as T;
}

/** Returns whether an error is a violation of this unique constraint. */
export function violates(error: unknown, constraint: string): boolean {
  return error instanceof postgres.PostgresError && error.code === "23505" && error.constraint_name === constraint;
}
