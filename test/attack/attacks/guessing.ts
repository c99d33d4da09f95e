import { formatApiKey } from "../../../contracts/api-key.ts";
import { randomBase62 } from "../../../platform/ids.ts";
import { eventually } from "../../support/api.ts";
import type { Attack } from "../attack.ts";
import { hold } from "../hold.ts";
import type { Target } from "../target.ts";

const madeUpKey = () => formatApiKey(randomBase62(26));

/** Attacks that guess keys or passwords, or report keys that do not exist. */
export const guessingAttacks: Attack[] = [
  {
    kind: "guessing",
    name: "made-up keys",
    promise: "The address is limited, and keys that are known stay good there.",
    async run(target) {
      const known = () => target.call("/v1/usage", { key: target.victim.key });
      hold((await known()).status === 200, "the victim's key is not good");
      let guesses = 0;
      const guess = async () => {
        const answers = await Promise.all(
          Array.from({ length: 50 }, () => target.call("/v1/usage", { key: madeUpKey() })),
        );
        guesses += answers.length;
        hold(!answers.some(({ status }) => status < 400), "a made-up key was taken");
        return answers.some(({ status }) => status === 429);
      };
      await eventually(guess, Boolean, 60_000);
      const { status } = await known();
      hold(status === 200, `the victim's key: ${status}`);
      return `limited within ${guesses} guesses; the known key 200`;
    },
  },
  {
    kind: "guessing",
    name: "passwords of an account",
    promise: "Guessing is limited, and says nothing of whether the account exists.",
    async run(target) {
      const email = `attack-${randomBase62(8)}@qrforge.example`;
      const signIn = () =>
        target.call("/dashboard/api/session", {
          body: { email, password: "a wrong password" },
          headers: { origin: new URL(target.edge).origin },
        });
      let guesses = 0;
      const messages = new Set<string>();
      await eventually(
        async () => {
          const answer = await signIn();
          guesses++;
          hold(answer.status === 401 || answer.status === 429, `answered ${answer.status}`);
          messages.add(answer.body.message);
          return answer.status;
        },
        (status) => status === 429,
        60_000,
      );
      return `limited after ${guesses} guesses`;
    },
  },
  {
    kind: "guessing",
    name: "10,000 made-up keys in leak reports",
    promise: "Reports are limited by address, and others are served.",
    run: reportLeaks,
  },
];

async function reportLeaks(target: Target): Promise<string> {
  let limited = 0;
  for (let count = 0; count < 12; count++) {
    const keys = Array.from({ length: target.scaled(1_000) }, madeUpKey);
    const answer = await target.call("/leaked-keys", { body: { keys } });
    hold([202, 429].includes(answer.status), `answered ${answer.status}`);
    if (answer.status === 429) limited++;
  }
  hold(limited > 0, "no report was refused");
  return `${limited} of 12 refused; ${await target.othersAreServed(10)}`;
}
