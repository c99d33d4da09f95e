import { expect, it } from "vitest";
import { hourEndsInS, mailSubject, retryDelayMs } from "./mail-limits.ts";

it("the pauses between tries grow to an hour, and a mail has some thirty tries in a day", () => {
  expect([1, 2, 3, 9, 10, 1_000].map(retryDelayMs)).toEqual([10_000, 20_000, 40_000, 2_560_000, 3_600_000, 3_600_000]);
  let [tries, atMs] = [0, 0];
  while (atMs < 86_400_000) atMs += retryDelayMs(++tries);
  expect(tries).toBe(32);
});

it("mails to one address are counted apart by their causes, and apart from requests of a network", () => {
  const subjects = (["sign-up", "password-reset", "notice", "network"] as const).map((of) =>
    String(mailSubject(of, "a")),
  );
  expect(new Set(subjects).size).toBe(4);
  expect(hourEndsInS(3_600_000 * 5 + 1_000)).toBe(3_599);
});
