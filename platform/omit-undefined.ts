/** Makes each property of `T` that may be undefined optional instead. */
type OmitUndefined<T> = T extends unknown
  ? { [K in keyof T as undefined extends T[K] ? never : K]: T[K] } & {
      [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined>;
    }
  : never;

/** Returns a copy without the properties that are undefined, for types whose fields may be absent but not undefined. */
export function omitUndefined<T extends object>(properties: T): OmitUndefined<T> {
  return Object.fromEntries(Object.entries(properties).filter(([, value]) => value !== undefined)) as OmitUndefined<T>;
}
