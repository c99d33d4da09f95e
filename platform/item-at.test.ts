import { expect, it } from "vitest";
import { itemAt } from "./item-at.ts";

it("an item is returned, be it undefined, and an index beyond the list is an error", () => {
  expect(itemAt(["a", "b"], 1)).toBe("b");
  expect(itemAt([undefined], 0)).toBeUndefined();
  for (const index of [-1, 2, 0.5, Number.NaN]) expect(() => itemAt(["a", "b"], index)).toThrow(RangeError);
});
