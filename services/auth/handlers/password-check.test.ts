import { describe, expect, it } from "vitest";
import { ServiceError } from "../../../platform/errors.ts";
import { createPasswordCheck } from "./password-check.ts";

/** A check over attempts in memory, with the outcome of each look at a password. */
function checkWith({ disabled = false } = {}) {
  const counts = new Map<string, number>();
  let verify = async (password: string) => password === "right";
  let lost = 0;
  const check = createPasswordCheck({
    accounts: { credentials: async () => ({ accountId: "a", passwordHash: "h", disabled }) },
    attempts: {
      isKnown: async () => false,
      async count(subjects, by) {
        if (by < 0 && lost-- > 0) throw new ServiceError("UNAVAILABLE");
        return subjects.map((subject) => {
          const count = (counts.get(subject.toString("hex")) ?? 0) + by;
          counts.set(subject.toString("hex"), count);
          return count;
        });
      },
    },
    passwords: { verify: (password) => verify(password) },
    clock: { now: () => 0, sleep: async () => {} },
    log: { warn: () => {} },
  });
  return {
    tryWith: (password: string, address = "192.0.2.1") =>
      check("ann@qrforge.example", password, address).then(
        () => "right",
        (error) => error.reason ?? error.message,
      ),
    counted: () => Math.max(...counts.values()),
    failWith(error: Error) {
      const before = verify;
      verify = () => Promise.reject(error);
      return () => {
        verify = before;
      };
    },
    loseAnswers(count: number) {
      lost = count;
    },
  };
}

describe("a sign-in", () => {
  it.each([
    ["that is refused for load", new ServiceError("UNAVAILABLE")],
    ["that waited too long", new ServiceError("DEADLINE_EXCEEDED")],
    ["that meets a fault", new Error("out of memory")],
  ])("%s counts as no wrong password, and locks nobody out", async (_, error) => {
    const { tryWith, counted, failWith } = checkWith();
    const mend = failWith(error);
    for (let i = 0; i < 100; i++) await tryWith("right");
    expect(counted()).toBe(0);
    mend();
    expect(await tryWith("right")).toBe("right");
  });

  it("with the right password leaves no count, even if the database fails meanwhile", async () => {
    const { tryWith, counted, loseAnswers } = checkWith();
    for (let i = 0; i < 20; i++) {
      loseAnswers(2);
      expect(await tryWith("right")).toBe("right");
    }
    expect(counted()).toBe(0);
  });

  it("with a wrong password counts, and is refused beyond the limit without counting further", async () => {
    const { tryWith, counted } = checkWith();
    for (let i = 0; i < 10; i++) expect(await tryWith("wrong")).toBe("UNAUTHORIZED");
    for (let i = 0; i < 10; i++) expect(await tryWith("right")).toBe("SIGN_IN_LIMITED");
    expect(counted()).toBe(10);
  });

  it("has few tries from an IPv6 /48, whichever of its networks it comes from", async () => {
    const { tryWith } = checkWith();
    const looked = [];
    for (let network = 0; network < 500; network++) {
      const outcome = await tryWith("wrong", `2001:db8:7:${network.toString(16)}::1`);
      if (outcome === "UNAUTHORIZED") looked.push(network);
    }
    // 16 times the three tries that one address has that is new to an attacked account.
    expect(looked).toHaveLength(48);
    expect(await tryWith("right", "2001:db8:8::1")).toBe("right");
  });

  it("to a disabled account is answered and counted like a wrong one", async () => {
    const { tryWith, counted } = checkWith({ disabled: true });
    expect(await tryWith("right")).toBe("UNAUTHORIZED");
    expect(counted()).toBe(1);
  });
});
