import { expect, it } from "vitest";
import { loadConfig } from "../../platform/process/config.ts";
import { startMailServer } from "../../test/support/mail-server.ts";
import { operatorSettings } from "../settings.ts";
import { checkMail } from "./mail.ts";

const check = (SMTP_URL: string) => checkMail(loadConfig(operatorSettings, { SMTP_URL }).smtpUrl);

it("the doctor signs in to the mail server, and says what is wrong without its password", async () => {
  expect(await check("")).toEqual([]);
  const server = await startMailServer();
  expect(await check(server.url)).toEqual([expect.objectContaining({ area: "mail", level: "good" })]);
  const wrong = await check(server.url.replace("smtp-password", "not-the-password"));
  expect(wrong).toEqual([
    expect.objectContaining({ level: "wrong", text: expect.stringContaining("refuses the sign-in") }),
  ]);
  expect(JSON.stringify(wrong)).not.toContain("not-the-password");
  await server.close();
  expect(await check(server.url)).toEqual([expect.objectContaining({ level: "wrong", advice: expect.any(String) })]);
  expect(server.mails).toEqual([]);
});
