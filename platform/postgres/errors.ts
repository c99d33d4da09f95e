import postgres from "postgres";
import { ServiceError } from "../errors.ts";

/** SQLSTATE classes that mean the server is away, starting, stopping or full, or that others were in the way: try again. */
const unavailableStates = /^(08|57P|53|40001|40P01|25006)/;

/** Turns a driver's error into what callers understand; anything unforeseen stays as it is and counts as a bug. */
export function cleanSqlError(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof ServiceError) return error;
  const code = "code" in error ? String(error.code) : "";
  if (code === "57014") return new ServiceError("DEADLINE_EXCEEDED", undefined, { cause: error });
  if (unavailableStates.test(code) || code.startsWith("CONNECT") || /^E[A-Z]+$/.test(code)) {
    return new ServiceError("UNAVAILABLE", undefined, { cause: error, retryAfterS: 1 });
  }
  // What Postgres says in detail quotes whole rows, and logs are no place for them.
  Reflect.deleteProperty(error, "detail");
  Reflect.deleteProperty(error, "where");
  return error;
}

/** The same store with every driver error cleaned on its way out. */
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

/** Whether an error is the violation of this unique constraint. */
export function violates(error: unknown, constraint: string): boolean {
  return error instanceof postgres.PostgresError && error.code === "23505" && error.constraint_name === constraint;
}
