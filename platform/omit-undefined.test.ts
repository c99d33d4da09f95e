import { describe, expect, expectTypeOf, it } from "vitest";
import { omitUndefined } from "./omit-undefined.ts";

describe("omitUndefined", () => {
  it("leaves out what is undefined and keeps every other value, null and false too", () => {
    const kept = omitUndefined({ a: undefined, b: null, c: false, d: 0, e: "" });
    expect(Object.entries(kept)).toEqual(Object.entries({ b: null, c: false, d: 0, e: "" }));
  });

  it("makes optional what may be undefined, of each member of a union", () => {
    const request = { id: "1" } as { id: string; name: string | undefined } | { slug: string; name: string };
    const exact: { id: string; name?: string } | { slug: string; name: string } = omitUndefined(request);
    expect(exact).toEqual({ id: "1" });
    expectTypeOf(omitUndefined({ a: 1 as number | undefined }).a).toEqualTypeOf<number | undefined>();
  });
});
