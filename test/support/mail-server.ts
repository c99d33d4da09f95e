import type { AddressInfo } from "node:net";
import { SMTPServer } from "smtp-server";
import { eventually } from "./api.ts";

/** A mail that the server took. */
export interface TakenMail {
  to: string[];
  /** Header lines, unfolded. */
  headers: string[];
  subject: string;
  /** The plain text, decoded. */
  text: string;
  raw: string;
}

/** A mail server of a test's own, on a free port of loopback. */
export interface MailServer {
  port: number;
  /** SMTP_URL with its user and password. */
  url: string;
  mails: TakenMail[];
  /** Answers to recipients that are refused. */
  refused: Map<string, { responseCode: number; message: string }>;
  /** Waits for the mail to this address with this subject, the newest of several. */
  mailTo(email: string, subject: string, maxMs?: number): Promise<TakenMail>;
  close(): Promise<void>;
}

export const mailUser = { user: "qrforge", password: "smtp-password-of-the-test" };

export async function startMailServer({ port = 0, hasStartTls = false } = {}): Promise<MailServer> {
  const mails: TakenMail[] = [];
  const refused: MailServer["refused"] = new Map();
  const server = new SMTPServer({
    // With STARTTLS it shows a certificate that nobody trusts.
    disabledCommands: hasStartTls ? [] : ["STARTTLS"],
    hideSTARTTLS: !hasStartTls,
    allowInsecureAuth: true,
    onAuth({ username, password }, _session, done) {
      if (username === mailUser.user && password === mailUser.password) return done(null, { user: username });
      done(new Error("wrong user or password"));
    },
    onRcptTo({ address }, _session, done) {
      const refusal = refused.get(address);
      done(refusal ? Object.assign(new Error(refusal.message), { responseCode: refusal.responseCode }) : null);
    },
    onData(stream, session, done) {
      const chunks: Buffer[] = [];
      stream.on("data", (chunk: Buffer) => chunks.push(chunk));
      stream.on("end", () => {
        const to = session.envelope.rcptTo.map(({ address }) => address);
        mails.push({ to, ...readMail(Buffer.concat(chunks).toString("utf8")) });
        done();
      });
    },
  });
  // Clients that break off are part of the tests.
  server.on("error", () => {});
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", resolve);
  });
  const { port: own } = server.server.address() as AddressInfo;
  return {
    port: own,
    url: `smtp://${mailUser.user}:${mailUser.password}@127.0.0.1:${own}`,
    mails,
    refused,
    async mailTo(email, subject, maxMs = 15_000) {
      const find = async () => mails.findLast((mail) => mail.to.includes(email) && mail.subject === subject);
      return (await eventually(find, (mail) => mail !== undefined, maxMs)) as TakenMail;
    },
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

function readMail(raw: string): Omit<TakenMail, "to"> {
  const [head = "", ...bodies] = raw.split("\r\n\r\n");
  const headers = head.replace(/\r\n[ \t]+/g, " ").split("\r\n");
  const subject = headers.find((line) => /^subject:/i.test(line))?.slice("subject:".length) ?? "";
  const [, partHead = "", encoded = ""] =
    /(content-type: text\/plain.*?)\r\n\r\n(.*?)\r\n--/is.exec(bodies.join("\r\n\r\n")) ?? [];
  const isQuoted = /quoted-printable/i.test(partHead);
  const isBase64 = /base64/i.test(partHead);
  const text = isBase64 ? Buffer.from(encoded, "base64").toString() : isQuoted ? decodeQuoted(encoded) : encoded;
  return { headers, subject: subject.trim(), text: text.replaceAll("\r\n", "\n").trimEnd(), raw };
}

function decodeQuoted(text: string): string {
  const bytes = text
    .replace(/=\r\n/g, "")
    .replace(/=([0-9A-F]{2})/g, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(bytes, "latin1").toString();
}

/** Returns the token of the link in a mail, which leads to a page of the dashboard. */
export function tokenOf({ text }: TakenMail, page: string): string {
  const [, token = ""] = new RegExp(`^http\\S*/#/${page}/([\\w-]{43})$`, "m").exec(text) ?? [];
  if (token === "") throw new Error(`the mail has no link to ${page}: ${text}`);
  return token;
}
