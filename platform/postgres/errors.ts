import postgres from "postgres";
import { ServiceError } from "../errors.ts";

/** SQLSTATE codes and classes worth a retry: connection, shutdown, resources, serialization, deadlock, read-only. */
const unavailableStates = /^(08|57P|53|40001|40P01|25006)/;

/** Returns a driver's error as DEADLINE_EXCEEDED or UNAVAILABLE; returns other errors unchanged, without row values. */
export function cleanSqlError(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof ServiceError) return error;
  const code = "code" in error ? String(error.code) : "";
  if (code === "57014") return new ServiceError("DEADLINE_EXCEEDED", undefined, { cause: error });
  if (unavailableStates.test(code) || code.startsWith("CONNECT") || /^E[A-Z]+$/.test(code)) {
    return new ServiceError("UNAVAILABLE", undefined, { cause: error, retryAfterS: 1 });
  }
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
