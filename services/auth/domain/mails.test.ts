import { describe, expect, it } from "vitest";
import { hasLink, linkLifetimeMs, listKeys, type MailDetails, type MailKind, mailLinks, renderMail } from "./mails.ts";

const causedAt = new Date("2030-05-06T07:08:09Z");
const dashboardUrl = "https://qr.example";
const token = "t".repeat(43);
const one = { name: "Print shop", prefix: "api_live_abcd", last4: "wxyz" };
const details: MailDetails = {
  "sign-up": {},
  "address-known": {},
  "password-reset": {},
  "email-change": {},
  invitation: {},
  "password-changed": {},
  "email-changed": {},
  "new-sign-in": { browser: "Firefox on Windows" },
  "keys-leaked": listKeys([one]),
  "keys-old": { ...listKeys([one]), days: 90 },
};
const kinds = Object.keys(details) as MailKind[];
const render = (kind: MailKind, given: MailDetails[MailKind] = details[kind]) =>
  renderMail(kind, given as never, { dashboardUrl, token, causedAt });

describe("a mail", () => {
  it("has its token behind the #, once in each body, and only if its kind has a link", () => {
    for (const kind of kinds) {
      const { text, html } = render(kind);
      const link = hasLink(kind) ? `${dashboardUrl}/#/${mailLinks[kind].path}/${token}` : undefined;
      for (const body of [text, html]) {
        expect(body.split(token).length - 1, kind).toBe(link ? 1 : 0);
        if (link) expect(body).toContain(link);
      }
    }
    expect(kinds.filter(hasLink).map(linkLifetimeMs)).toEqual([86_400_000, 3_600_000, 86_400_000, 604_800_000]);
  });

  it("has a subject of its kind's own, without anything that a person chose", () => {
    const subjects = kinds.map((kind) => render(kind).subject);
    expect(new Set(subjects).size).toBe(kinds.length);
    for (const subject of subjects) expect(subject).toMatch(/^[\w, -]{5,60}$/);
    const named = { name: "Evil\r\nBcc: x@example.com", prefix: "p", last4: "l" };
    expect(render("keys-leaked", listKeys([named])).subject).toBe(render("keys-leaked").subject);
  });

  it("shows names as text on one line, in every script and length", () => {
    const names = ['<b>bold</b> & "quoted"', "line\nbreak\u2028and\r\nmore", "名前".repeat(50), "a".repeat(100)];
    const { text, html } = render("keys-leaked", listKeys(names.map((name) => ({ ...one, name }))));
    expect(text).toContain('<b>bold</b> & "quoted" (api_live_abcd…wxyz)');
    expect(html).toContain("&#60;b&#62;bold&#60;/b&#62; &#38; &#34;quoted&#34;");
    expect(html).not.toContain("<b>");
    expect(text).toContain("line break and  more (");
    expect(text).toContain("名前".repeat(50));
  });

  it("says when something happened, and with which browser if that is known", () => {
    expect(render("new-sign-in").text).toContain("Firefox on Windows, for the first time, at 2030-05-06 07:08 UTC");
    expect(render("new-sign-in", { browser: "" }).text).toContain("an unknown browser");
  });

  it("lists some keys and counts the others", () => {
    const list = listKeys(Array.from({ length: 25 }, () => one));
    expect([list.keys.length, list.more]).toEqual([10, 15]);
    expect(render("keys-old", { ...list, days: 90 }).text).toContain("and 15 more");
  });
});
