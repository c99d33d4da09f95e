import { describe, expect, it } from "vitest";
import { abuseContactSettings, reportUrl, takenDownMessage } from "./abuse-contact.ts";
import { loadConfig } from "./process/config.ts";

const contactOf = (ABUSE_CONTACT: string) => loadConfig(abuseContactSettings, { ABUSE_CONTACT }).abuseContact;

describe("ABUSE_CONTACT", () => {
  it("is an e-mail address, or a mailto: or https: URL", () => {
    const address = { url: "mailto:abuse@qr.example", text: "abuse@qr.example" };
    expect(contactOf("")).toBeUndefined();
    expect(contactOf("abuse@qr.example")).toEqual(address);
    expect(contactOf("mailto:abuse@qr.example")).toEqual(address);
    const form = "https://qr.example/report?a=1";
    expect(contactOf(form)).toEqual({ url: form, text: form });
  });

  it.each([
    ...["abuse", "abuse@", "@qr.example", "http://qr.example/", "javascript:alert(1)", "data:text/html,x"],
    ...[
      "a@b.example,c@d.example",
      "a@b.example?bcc=c@d.example",
      "a@b.example\nContact: x",
      "https://",
      "https://u:p@h/",
    ],
  ])("is refused otherwise: %j", (value) => {
    expect(() => contactOf(value)).toThrow(/^ABUSE_CONTACT: must be /);
  });

  it("begins a report about a code, and is named to its owner", () => {
    const [address, form] = [contactOf("abuse@qr.example"), contactOf("https://qr.example/report")];
    expect(address && reportUrl(address, "menu")).toBe("mailto:abuse@qr.example?subject=Abuse%20of%20code%20menu");
    expect(address && reportUrl(address, undefined)).toBe("mailto:abuse@qr.example?subject=Abuse");
    expect(form && reportUrl(form, "menu")).toBe("https://qr.example/report");
    expect(takenDownMessage(address)).toContain("Write to abuse@qr.example about it.");
    expect(takenDownMessage(undefined)).toContain("Write to the operator about it.");
  });
});
