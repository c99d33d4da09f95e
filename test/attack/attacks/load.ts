import type { Attack } from "../attack.ts";
import { hold } from "../hold.ts";
import type { Target } from "../target.ts";

/** Makes calls of the attacker without end, `width` at once, until the others have been served. */
async function whileFlooding(target: Target, width: number, flood: () => Promise<{ status: number }>): Promise<string> {
  let ended = false;
  const statuses = new Map<number, number>();
  const work = async () => {
    while (!ended) {
      const { status } = await flood();
      hold(status < 500 || status === 503 || status === 504, `the flood is answered ${status}`);
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
    }
  };
  const workers = Array.from({ length: width }, work);
  const [served] = await Promise.all([
    target.othersAreServed(30).finally(() => {
      ended = true;
    }),
    ...workers,
  ]);
  const seen = [...statuses].map(([status, count]) => `${count} × ${status}`).join(", ");
  return `${served}; the flood: ${seen}`;
}

const batch = (length: number) => ({
  qr_codes: Array.from({ length }, (_, index) => ({ name: `n${index}`, redirect_url: "https://example.com/" })),
});

/** Attacks by much work at once, within what one account or address may ask. */
export const loadAttacks: Attack[] = [
  {
    kind: "load",
    name: "one account's reads without a pause",
    promise: "Scans and calls of others are served.",
    run: (target) =>
      whileFlooding(target, target.scaled(64), () =>
        target.call("/v1/qr-codes?status=all", { key: target.attacker.key }),
      ),
  },
  {
    kind: "load",
    name: "one account's batches of 100 codes without a pause",
    promise: "Scans and calls of others are served, and the plan's limits hold.",
    run: (target) =>
      whileFlooding(target, 4, () => target.call("/v1/qr-codes/batch", { key: target.attacker.key, body: batch(100) })),
  },
  {
    kind: "load",
    name: "one account's largest pictures without a pause",
    promise: "Scans and calls of others are served, and a picture of another's is drawn.",
    async run(target) {
      let size = 4_000;
      const seen = await whileFlooding(target, 8, () =>
        target.call(`/v1/qr-codes/${target.attacker.codeId}/image?format=png&size=${(size++ % 96) + 4_000}`, {
          key: target.attacker.key,
        }),
      );
      const picture = await target.call(`/v1/qr-codes/${target.victim.codeId}/image?size=256`, {
        key: target.victim.key,
      });
      hold(picture.status === 200, `a picture of another account: ${picture.status}`);
      return seen;
    },
  },
  {
    kind: "load",
    name: "scans of codes that do not exist, and of one that does",
    promise: "Scans and calls of others are served.",
    run(target) {
      let next = 0;
      return whileFlooding(target, target.scaled(64), () =>
        target.call(next++ % 2 ? `/${target.attacker.slug}` : `/qr-${String(next).padStart(7, "0")}`),
      );
    },
  },
];
