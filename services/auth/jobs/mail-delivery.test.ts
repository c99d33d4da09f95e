import { pino } from "pino";
import { describe, expect, it } from "vitest";
import { type Mail, SmtpError } from "../../../platform/mail/smtp.ts";
import { sha256 } from "../domain/tokens.ts";
import type { DueMail } from "../store/mails.ts";
import { deliverMails } from "./mail-delivery.ts";

const mailOf = (mailId: string, more: Partial<DueMail> = {}): DueMail =>
  ({
    ...{
      mailId,
      kind: "password-reset",
      details: {},
      email: `person-${mailId}@example.com`,
      accountId: "a".repeat(20),
    },
    ...{ createdAt: new Date("2030-05-06T07:08:09Z"), tries: 1, isOver: false },
    ...more,
  }) as DueMail;

/** Delivers some mails, in their order, until none is due. */
async function deliver(due: (DueMail | "void" | Error)[], send: (mail: Mail) => Promise<void>) {
  const closing = new AbortController();
  const hashes: Buffer[] = [];
  const outcomes: unknown[] = [];
  const pauses: number[] = [];
  const logged: string[] = [];
  await deliverMails(
    {
      mails: {
        async take(tokenHash) {
          const next = due.shift();
          if (next instanceof Error) throw next;
          if (next === undefined) closing.abort();
          else hashes.push(tokenHash);
          return next;
        },
        delete: async (mailId) => void outcomes.push(["delete", mailId]),
        retry: async (mailId, delayMs) => void outcomes.push(["retry", mailId, delayMs]),
      },
      sender: { send },
      dashboardUrl: "https://qr.example",
      clock: { now: () => 0, monotonic: () => 0, sleep: async (ms) => void pauses.push(ms) },
      log: pino({}, { write: (line) => void logged.push(line) }),
      metrics: { counter: () => () => {} },
    },
    closing.signal,
  );
  return { hashes, outcomes, pauses, logged: logged.join("") };
}

describe("the delivery of mails", () => {
  it("puts into each mail a token whose hash was stored before, and no two the same", async () => {
    const tokens: string[] = [];
    const send = async ({ text }: Mail) => void tokens.push(/\/#\/reset\/([\w-]{43})/.exec(text)?.[1] ?? "");
    const { hashes, outcomes } = await deliver([mailOf("1"), "void", mailOf("2")], send);
    expect([hashes[0], hashes[2]]).toEqual(tokens.map(sha256));
    expect(new Set(hashes.map(String)).size).toBe(3);
    expect(outcomes).toEqual([
      ["delete", "1"],
      ["delete", "2"],
    ]);
  });

  it("puts a mail off for longer with each failure, and goes on with the next after a pause", async () => {
    const sent: string[] = [];
    const send = async ({ to }: Mail) => {
      if (to === "person-1@example.com") throw new SmtpError({ code: "ESOCKET", message: "to person-1@example.com" });
      sent.push(to);
    };
    const { outcomes, pauses, logged } = await deliver([mailOf("1", { tries: 4 }), mailOf("2")], send);
    expect(outcomes).toEqual([
      ["retry", "1", 80_000],
      ["delete", "2"],
    ]);
    expect(pauses[0]).toBeGreaterThanOrEqual(1_000);
    expect(logged).toContain("ESOCKET");
    expect(logged).not.toContain("@example.com");
  });

  it("gives up a mail that is refused for good, or was tried for a day, and says so without its address", async () => {
    let tries = 0;
    const send = async () => {
      tries++;
      throw new SmtpError({ code: "EENVELOPE", command: "RCPT TO", responseCode: 550 });
    };
    const { outcomes, logged } = await deliver([mailOf("1"), mailOf("2", { isOver: true, tries: 30 })], send);
    expect(outcomes).toEqual([
      ["delete", "1"],
      ["delete", "2"],
    ]);
    expect(tries).toBe(1);
    expect(logged).toMatch(/refused a mail.*given up/s);
    expect(logged).not.toContain("@example.com");
  });

  it("outlives a database that fails", async () => {
    const { outcomes, pauses } = await deliver([new Error("gone"), mailOf("1")], async () => {});
    expect(outcomes).toEqual([["delete", "1"]]);
    expect(pauses[0]).toBeGreaterThanOrEqual(1_000);
  });
});
