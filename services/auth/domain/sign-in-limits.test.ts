import { describe, expect, it } from "vitest";
import { isLimited as isLimitedBy, subjectsOf, windowEndsInS } from "./sign-in-limits.ts";

describe("limits on failed sign-ins", () => {
  const isLimited = ({ address = 0, account = 0, pair = 0 }, known: boolean, times = 1) =>
    isLimitedBy(
      [
        { kind: "address", times, failures: address },
        { kind: "pair", times, failures: pair },
        { kind: "account", times: 1, failures: account },
      ],
      known,
    );
  const none = {};
  it("hold by address, by account and by the two together; strangers do not count against a known address", () => {
    expect(isLimited(none, false)).toBe(false);
    expect(isLimited({ ...none, address: 30 }, false)).toBe(true);
    expect(isLimited({ ...none, address: 30 }, true)).toBe(false);
    expect(isLimited({ ...none, pair: 10 }, true)).toBe(true);
    expect(isLimited({ ...none, pair: 9 }, false)).toBe(false);
    expect(isLimited({ ...none, account: 20, pair: 2 }, false)).toBe(false);
    expect(isLimited({ ...none, account: 20, pair: 3 }, false)).toBe(true);
    expect(isLimited({ ...none, account: 1_000 }, true)).toBe(false);
  });

  it("are wider for the /48 of an address, which many networks share", () => {
    expect(isLimited({ address: 479 }, false, 16)).toBe(false);
    expect(isLimited({ address: 480 }, false, 16)).toBe(true);
    expect(isLimited({ account: 20, pair: 47 }, false, 16)).toBe(false);
    expect(isLimited({ account: 20, pair: 48 }, false, 16)).toBe(true);
  });

  it("count under hashes that cannot be mistaken for one another", () => {
    const subjects = subjectsOf("a", "2001:db8::1", false);
    expect(subjects.map(({ kind, times }) => `${kind} ${times}`)).toEqual([
      ...["address 1", "pair 1", "address 16", "pair 16", "account 1"],
    ]);
    expect(new Set(subjects.map(({ hash }) => hash.toString("hex"))).size).toBe(5);
    expect(subjectsOf("a", "192.0.2.1", true).map(({ kind }) => kind)).toEqual(["address", "pair"]);
    expect(windowEndsInS(900_000 * 5 + 1_000)).toBe(899);
  });
});
