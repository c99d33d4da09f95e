import { escapeHtml } from "../../../platform/escape-html.ts";

/** What a mail says, by its kind. Kinds with a link get its token when they are sent. */
export interface MailDetails {
  /** Makes an account: link. */
  "sign-up": Record<string, never>;
  /** To an address that has an account, when somebody signs up with it or wants it for another account. */
  "address-known": Record<string, never>;
  /** Sets a new password: link. */
  "password-reset": Record<string, never>;
  /** Puts the address in place of an account's old one: link. */
  "email-change": Record<string, never>;
  /** An operator's invitation: link. */
  invitation: Record<string, never>;
  /** Notice after the password was changed or reset. */
  "password-changed": Record<string, never>;
  /** Notice to the old address after it was replaced. */
  "email-changed": Record<string, never>;
  /** Notice of a sign-in from a browser and operating system that are new to the account. */
  "new-sign-in": { browser: string };
  /** Notice that published keys were revoked. */
  "keys-leaked": KeyList;
  /** Notice of keys that should be rotated. */
  "keys-old": KeyList & { days: number };
}

/** Some keys of an account; `more` are not listed. */
export interface KeyList {
  keys: { name: string; shown: string }[];
  more: number;
}

/** Keys that one mail lists at most. */
const listedKeysMax = 10;

/** Returns the keys that a mail lists. */
export function listKeys(keys: { name: string; prefix: string; last4: string }[]): KeyList {
  const listed = keys.slice(0, listedKeysMax);
  return {
    keys: listed.map(({ name, prefix, last4 }) => ({ name, shown: `${prefix}…${last4}` })),
    more: keys.length - listed.length,
  };
}

export type MailKind = keyof MailDetails;

/** Where each kind of link leads in the dashboard, and how long it works. */
export const mailLinks = {
  "sign-up": { path: "sign-up", days: 1 },
  "password-reset": { path: "reset", hours: 1 },
  "email-change": { path: "email", days: 1 },
  invitation: { path: "invitation", days: 7 },
} as const;

export type LinkKind = keyof typeof mailLinks;

export function hasLink(kind: MailKind): kind is LinkKind {
  return Object.hasOwn(mailLinks, kind);
}

/** Returns how long a kind of link works after its mail is sent, in ms. */
export function linkLifetimeMs(kind: LinkKind): number {
  const lifetime: { days?: number; hours?: number } = mailLinks[kind];
  return ((lifetime.days ?? 0) * 24 + (lifetime.hours ?? 0)) * 3_600_000;
}

/** Text of a mail without its link. */
interface Content {
  subject: string;
  paragraphs: string[];
  /** Words on the link. */
  action?: string;
  /** Paragraphs after the link. */
  after?: string[];
}

type Writers = { [Kind in MailKind]: (details: MailDetails[Kind], at: string) => Content };

const ignore = "If this was not you, ignore this mail: nothing changes without the link.";
const notYou = "If this was not you, set a new password now: choose “Forgot your password?” on the sign-in page.";

const writers: Writers = {
  "sign-up": () => ({
    subject: "Confirm your e-mail address",
    paragraphs: ["Somebody, probably you, signed up with this address. Open this link to choose a password:"],
    action: "Create my account",
    after: [
      "The link works once, within a day.",
      "If this was not you, ignore this mail: there is no account without it.",
    ],
  }),
  "address-known": () => ({
    subject: "You have an account already",
    paragraphs: [
      "Somebody, perhaps you, entered this address for a new account. It has an account already, which is unchanged.",
      "To use it, sign in. If you do not know the password, choose “Forgot your password?” on the sign-in page.",
    ],
    after: ["If this was not you, ignore this mail."],
  }),
  "password-reset": () => ({
    subject: "Set a new password",
    paragraphs: ["Somebody, probably you, wants to set a new password for your account. Open this link to choose one:"],
    action: "Set a new password",
    after: ["The link works once, within an hour.", ignore],
  }),
  "email-change": () => ({
    subject: "Confirm your new e-mail address",
    paragraphs: [
      "Open this link, and enter your password, to use this address for your account in place of the old one:",
    ],
    action: "Use this address",
    after: ["The link works once, within a day.", ignore],
  }),
  invitation: () => ({
    subject: "You are invited",
    paragraphs: ["You are invited to make an account. Open this link to choose a password:"],
    action: "Create my account",
    after: ["The link works once, within 7 days."],
  }),
  "password-changed": (_, at) => ({
    subject: "Your password was changed",
    paragraphs: [`The password of your account was changed at ${at}. All other sessions have ended.`, notYou],
  }),
  "email-changed": (_, at) => ({
    subject: "The e-mail address of your account was changed",
    paragraphs: [
      `Your account got another e-mail address at ${at}. This address no longer signs in to it.`,
      "If this was not you, write to the operator of this service.",
    ],
  }),
  "new-sign-in": ({ browser }, at) => ({
    subject: "New sign-in to your account",
    paragraphs: [
      `Your account was signed in to with ${browser || "an unknown browser"}, for the first time, at ${at}.`,
      notYou,
    ],
  }),
  "keys-leaked": (list, at) => ({
    subject: "Your API key was published, and is revoked",
    paragraphs: [
      `Your API key was found published and was revoked at ${at}. Requests with it are refused:`,
      ...linesOf(list),
      "Create a new key in the dashboard, put it where the old one was used, and remove the published one. " +
        "The dashboard shows when the key was last used.",
    ],
  }),
  "keys-old": ({ days, ...list }) => ({
    subject: "API keys to rotate",
    paragraphs: [`These API keys are older than ${days} days. Rotate them in the dashboard:`, ...linesOf(list)],
  }),
};

/** Returns the subject and both bodies of a mail. `token` is put behind the `#` of the link, which browsers do not send. */
export function renderMail<Kind extends MailKind>(
  kind: Kind,
  details: MailDetails[Kind],
  { dashboardUrl, token, causedAt }: { dashboardUrl: string; token: string; causedAt: Date },
): { subject: string; text: string; html: string } {
  const write: Writers[Kind] = writers[kind];
  const { subject, paragraphs, action, after = [] } = write(details, shortTime(causedAt));
  const link = hasLink(kind) ? `${dashboardUrl}/#/${mailLinks[kind].path}/${token}` : undefined;
  const from = `Sent by QRForge at ${dashboardUrl}`;
  const text = [...paragraphs, ...(link ? [link] : []), ...after, `-- \n${from}`].join("\n\n");
  const html = [
    ...paragraphs.map((paragraph) => `<p>${escapeHtml(paragraph)}</p>`),
    ...(link ? [`<p><a href="${escapeHtml(link)}">${escapeHtml(action ?? link)}</a></p>`] : []),
    ...after.map((paragraph) => `<p>${escapeHtml(paragraph)}</p>`),
    `<p>${escapeHtml(from)}</p>`,
  ];
  return { subject, text: `${text}\n`, html: `<!doctype html>\n<meta charset="utf-8">\n${html.join("\n")}\n` };
}

/** Returns an instant for people: `2030-05-06 07:08 UTC`. */
function shortTime(time: Date): string {
  return `${time.toISOString().slice(0, 16).replace("T", " ")} UTC`;
}

const linesOf = ({ keys, more }: KeyList) => [
  ...keys.map(({ name, shown }) => `${oneLine(name)} (${shown})`),
  ...(more > 0 ? [`and ${more} more`] : []),
];

const oneLine = (text: string) => text.replace(/[\p{Cc}\p{Zl}\p{Zp}]/gu, " ");
