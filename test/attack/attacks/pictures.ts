import { existsSync, readFileSync } from "node:fs";
import { made } from "../../cases/hostile-logos/make.ts";
import type { Attack } from "../attack.ts";
import { hold, holdStatuses } from "../hold.ts";
import type { Target } from "../target.ts";

const folder = new URL("../../cases/hostile-logos/", import.meta.url);

/** Files of the index, by name, with the issue that each is refused with, if it is. */
function readCases(): { file: string; issue?: string }[] {
  return JSON.parse(readFileSync(new URL("cases.json", folder), "utf8"));
}

function bytesOf(file: string): Buffer {
  const url = new URL(file, folder);
  return existsSync(url) ? readFileSync(url) : (made[file]?.() ?? Buffer.alloc(0));
}

/** Largest file whose data URL fits into a body. */
const fileBytesMax = 45 * 1_024;

const setLogo = ({ call, attacker }: Target, file: Buffer) =>
  call(`/v1/qr-codes/${attacker.codeId}`, {
    method: "PATCH",
    key: attacker.key,
    body: { style: { logo: `data:image/png;base64,${file.toString("base64")}`, logo_size: 10 } },
  });

/** Returns a logo that is within the bounds of what may be drawn, but hardly: translucent groups as large as the picture. */
function slowLogo(index: number): Buffer {
  const group = `<g opacity=".9"><path d="M0 0h99v${index % 99}z"/></g>`;
  return Buffer.from(
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 99 99"><path d="M0 0h99v99H0z"/>${group.repeat(190)}</svg>`,
  );
}

/** Attacks by files that are drawn. */
export const pictureAttacks: Attack[] = [
  {
    kind: "pictures",
    name: "hostile files as logos: bombs, nesting, entities, references, polyglots, damage",
    promise: "Each is drawn, or refused with what to change, and another account's pictures are drawn meanwhile.",
    async run(target) {
      const cases = readCases().filter(({ file }) => bytesOf(file).length <= fileBytesMax);
      const tried = cases.slice(0, target.scaled(cases.length));
      let refused = 0;
      for (const { file, issue } of tried) {
        const answer = await setLogo(target, bytesOf(file));
        const isRefused = answer.status === 400 && answer.body.details[0].field === "style.logo";
        if (issue === undefined) hold(answer.status === 200, `${file}: ${answer.status} ${answer.text.slice(0, 200)}`);
        else hold(isRefused, `${file}: ${answer.status} ${answer.text.slice(0, 200)}`);
        if (isRefused) refused++;
      }
      const image = await target.call(`/v1/qr-codes/${target.victim.codeId}/image?size=600`, {
        key: target.victim.key,
      });
      hold(image.status === 200, `a picture of another account: ${image.status}`);
      return `${tried.length} files, ${refused} of them refused`;
    },
  },
  {
    kind: "pictures",
    name: "slow logos of one account, four at a time",
    promise: "Another account's pictures are drawn meanwhile; the first waits once it has used its time of the minute.",
    async run(target) {
      // A short run ends before the time of the minute is used.
      const isShort = target.scaled(400) < 400;
      let isOver = false;
      const statuses: number[] = [];
      let sent = 0;
      const senders = Array.from({ length: 4 }, async () => {
        while (!isOver && !statuses.includes(429) && sent < 400) {
          const { status } = await setLogo(target, slowLogo(sent++));
          statuses.push(status);
        }
      });
      const { codeId, key } = target.victim;
      const pictures = target.scaled(60);
      for (let index = 0; index < pictures; index++) {
        const picture = await target.call(`/v1/qr-codes/${codeId}/image?format=svg&size=${700 + index}`, { key });
        hold(picture.status === 200, `picture ${index} of another account: ${picture.status}`);
      }
      isOver = isShort;
      await Promise.all(senders);
      if (!isShort) hold(statuses.includes(429), "the account was never told to wait");
      const seen = holdStatuses(statuses, [200, 400, 429, 503, 504]);
      return `${pictures} pictures of another account drawn; slow logos ${seen}`;
    },
  },
];
