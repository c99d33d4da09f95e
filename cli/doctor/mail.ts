import { checkSmtpServer, SmtpError, type SmtpServer } from "../../platform/mail/smtp.ts";
import { type Finding, good, wrong } from "./finding.ts";

const area = "mail";
const timeoutMs = 10_000;

/** Checks whether the mail server of SMTP_URL can be reached from here and lets auth sign in. Sends nothing. */
export async function checkMail(server: SmtpServer | undefined): Promise<Finding[]> {
  if (!server) return [];
  const name = `${server.host}:${server.port}`;
  try {
    await checkSmtpServer(server, timeoutMs);
    return [good(area, `${name} can be reached${server.user === "" ? "" : ", and signs in"}`)];
  } catch (error) {
    if (!(error instanceof SmtpError)) throw error;
    const isRefused = error.code === "EAUTH";
    const advice = isRefused
      ? "See whether the user and the password of SMTP_URL are right."
      : "See whether it runs, whether this machine may connect to it, and whether it offers TLS with a certificate that is trusted here.";
    return [wrong(area, `${name} ${isRefused ? "refuses the sign-in" : `cannot be used: ${error.message}`}`, advice)];
  }
}
