import type { Attack } from "../attack.ts";
import { accessAttacks } from "./access.ts";
import { browserAttacks } from "./browser.ts";
import { connectionAttacks } from "./connections.ts";
import { guessingAttacks } from "./guessing.ts";
import { loadAttacks } from "./load.ts";
import { messageAttacks } from "./messages.ts";
import { pictureAttacks } from "./pictures.ts";

/** Every attack that needs nothing but the network and two keys. What limits the address comes last. */
export const networkAttacks: readonly Attack[] = [
  ...accessAttacks,
  ...browserAttacks,
  ...messageAttacks,
  ...pictureAttacks,
  ...connectionAttacks,
  ...loadAttacks,
  ...guessingAttacks,
];
