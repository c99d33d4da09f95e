import { createTransport } from "nodemailer";
import { type Setting, secret, text } from "../process/config.ts";
import { isPlainAddress } from "./address.ts";

/** A mail server, from `SMTP_URL`. */
export interface SmtpServer {
  host: string;
  port: number;
  /** Whether TLS begins with the connection; else it begins with STARTTLS. */
  isTls: boolean;
  /** Whether the connection stays in clear text. */
  isClear: boolean;
  user: string;
  password: string;
}

/** The name and address of a sender. */
export interface Mailbox {
  name: string;
  address: string;
}

/** A mail for one recipient. */
export interface Mail {
  to: string;
  subject: string;
  text: string;
  html: string;
}

/** Timeouts of the steps of a connection, in ms. */
const stepTimeouts = { dnsTimeout: 5_000, connectionTimeout: 10_000, greetingTimeout: 10_000, socketTimeout: 15_000 };
/** Timeout of a whole mail or sign-in, in ms: a server may answer each step in time and still never finish. */
export const smtpTimeoutMs = 30_000;
/** Largest answer of a server, in bytes. */
const maxResponseSize = 64 << 10;

const loopback = /^(?:localhost|127(?:\.\d+){3}|\[::1\])$/;
const form = "must be smtp://USER:PASSWORD@HOST:PORT, or smtps:// for TLS from the start";

function parseSmtpUrl(value: string): SmtpServer {
  if (!URL.canParse(value)) throw new Error(form);
  const { protocol, hostname, port, username, password, pathname, hash, searchParams } = new URL(value);
  const options = [...searchParams];
  const isClearAsked = options.length === 1 && searchParams.get("starttls") === "no";
  const isTls = protocol === "smtps:";
  const isOther = (!isTls && protocol !== "smtp:") || hostname === "" || !/^\/?$/.test(pathname) || hash !== "";
  if (isOther) throw new Error(form);
  if (options.length > 0 && (!isClearAsked || isTls)) throw new Error("may end in ?starttls=no, with smtp:// only");
  if ((username === "") !== (password === "")) throw new Error("must have both a user and a password, or neither");
  return {
    host: hostname.replace(/^\[|\]$/g, ""),
    port: Number(port) || (isTls ? 465 : 587),
    isTls,
    isClear: !isTls && (isClearAsked || loopback.test(hostname)),
    user: decodeURIComponent(username),
    password: decodeURIComponent(password),
  };
}

/** The setting of the mail server, a secret whose errors do not repeat it; undefined if unset. */
export const smtpUrl: Setting<SmtpServer | undefined> = {
  ...secret(
    "SMTP_URL",
    "the mail server, smtp://USER:PASSWORD@HOST:PORT (STARTTLS, but on loopback or with ?starttls=no) or smtps://...; unset, no mail is sent",
  ),
  parse: (value) => (value === "" ? undefined : parseSmtpUrl(value)),
};

/** The setting of the sender; undefined if unset. */
export const mailFrom: Setting<Mailbox | undefined> = {
  ...text("MAIL_FROM", "sender of mails, ADDRESS or NAME <ADDRESS>; required with SMTP_URL", ""),
  parse(value) {
    if (value === "") return undefined;
    const [, name = "", named, bare = ""] = /^(?:([^<>"\p{Cc}]*)<([^<>]*)>|([^<>]*))$/u.exec(value.trim()) ?? [];
    const address = named ?? bare;
    if (!isPlainAddress(address)) {
      throw new Error("must be ADDRESS or NAME <ADDRESS>");
    }
    return { name: name.trim(), address };
  },
};

/** What nodemailer's errors say. */
interface SmtpFailure {
  /** Not used: it quotes the server. */
  message?: string;
  code?: string;
  command?: string;
  responseCode?: number;
}

/**
 * Why a mail was not sent. It keeps no text of the server, which may quote addresses: only the step, the server's code, and
 * a code of the network or of nodemailer.
 */
export class SmtpError extends Error {
  readonly code: string;
  readonly command: string;
  readonly responseCode: number | undefined;
  /** Whether the server refused this recipient or this mail for good. */
  readonly isFinal: boolean;

  constructor(error: SmtpFailure) {
    const { code = "", command = "", responseCode } = error;
    const what = [code, command, responseCode].filter(Boolean).join(", ");
    super(`the mail server could not take the mail${what && ` (${what})`}`);
    this.name = "SmtpError";
    this.code = code;
    this.command = command;
    this.responseCode = responseCode;
    const isRefusal = responseCode !== undefined && responseCode >= 500 && responseCode !== 503;
    const isMailsOwn = command === "RCPT TO" || command === "DATA";
    // A recipient that cannot be written in SMTP at all has no response: nodemailer refuses it itself.
    this.isFinal = (isMailsOwn && isRefusal) || (code === "EENVELOPE" && command === "API");
  }
}

export interface MailSender {
  /** Sends one mail over a connection of its own. Rejects with SmtpError; after `smtpTimeoutMs`, or once the signal is aborted. */
  send(mail: Mail, signal: AbortSignal): Promise<void>;
}

function openTransport({ host, port, isTls, isClear, user, password }: SmtpServer) {
  return createTransport({
    ...{ host, port, secure: isTls, requireTLS: !isTls && !isClear, ignoreTLS: isClear },
    ...(user !== "" && { auth: { user, pass: password }, forceAuth: true }),
    ...{ ...stepTimeouts, maxResponseSize, disableFileAccess: true, disableUrlAccess: true },
  });
}

/** Creates a sender, which connects for each mail. */
export function createMailSender(server: SmtpServer, from: Mailbox): MailSender {
  const transport = openTransport(server);
  return {
    async send({ to, subject, text: body, html }, signal) {
      // nodemailer reads an address as a list: "a:b@example.com;" would reach b, past all that is counted for the other.
      if (!isPlainAddress(to)) throw new SmtpError({ code: "EENVELOPE", command: "API" });
      try {
        await transport.sendMail({
          from,
          to: { name: "", address: to },
          envelope: { from: from.address, to: [to] },
          ...{ subject, text: body, html },
          // https://www.rfc-editor.org/rfc/rfc3834: keeps vacation notices from answering.
          headers: { "Auto-Submitted": "auto-generated" },
          signal: AbortSignal.any([signal, AbortSignal.timeout(smtpTimeoutMs)]),
        });
      } catch (error) {
        throw new SmtpError(error instanceof Error ? error : {});
      }
    },
  };
}

/** Connects to a server and signs in, and sends nothing. Rejects with SmtpError, after `timeoutMs` at the latest. */
export async function checkSmtpServer(server: SmtpServer, timeoutMs: number): Promise<void> {
  const transport = openTransport(server);
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(Object.assign(new Error(), { code: "ETIMEDOUT" })), timeoutMs);
  try {
    await Promise.race([transport.verify(), late]);
  } catch (error) {
    throw new SmtpError(error instanceof Error ? error : {});
  } finally {
    clearTimeout(timer);
    transport.close();
  }
}
