import { expect, it } from "vitest";
import { createBodySlots } from "./body-reader.ts";

it("an IPv6 /48 holds half of the bodies being read at most, however many of its networks send", () => {
  const metrics = { counter: () => () => {}, duration: () => () => {}, gauge: () => {} };
  const slots = createBodySlots({ max: 4, metrics });
  slots.acquire("2001:db8:7:1::1");
  slots.acquire("2001:db8:7:2::1");
  expect(() => slots.acquire("2001:db8:7:3::1")).toThrow(expect.objectContaining({ reason: "UNAVAILABLE" }));
  expect(() => slots.acquire("2001:db8:8:1::1")).not.toThrow();
});
