/** Returns the item of a list at an index that is known to be one of its own. Throws a RangeError if it is not. */
export function itemAt<T>(items: readonly T[], index: number): T {
  if (index in items) return items[index] as T;
  throw new RangeError(`there is no item ${index} in a list of ${items.length}`);
}
