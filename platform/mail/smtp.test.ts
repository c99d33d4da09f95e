import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { type MailServer, mailUser, startMailServer } from "../../test/support/mail-server.ts";
import { loadConfig } from "../process/config.ts";
import { checkSmtpServer, createMailSender, mailFrom, type SmtpServer, smtpUrl } from "./smtp.ts";

const read = (SMTP_URL: string, MAIL_FROM = "") => loadConfig({ smtpUrl, mailFrom }, { SMTP_URL, MAIL_FROM });
const from = { name: "QR, Forge", address: "noreply@qrforge.example" };
const mail = { to: "ann@example.com", subject: "Hello", text: "text\n", html: "<p>html</p>\n" };
const never = new AbortController().signal;

const closes: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closes.splice(0)) await close();
});

async function open(options?: Parameters<typeof startMailServer>[0]): Promise<MailServer & { server: SmtpServer }> {
  const started = await startMailServer(options);
  closes.push(started.close);
  return Object.assign(started, { server: read(started.url).smtpUrl as SmtpServer });
}

/** A server that speaks as `speak` does. */
async function openRaw(speak: (socket: Socket) => void): Promise<{ port: number; sockets: Socket[] }> {
  const sockets: Socket[] = [];
  const server: Server = createServer((socket) => {
    sockets.push(socket);
    socket.on("error", () => {});
    speak(socket);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  closes.push(async () => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, sockets };
}

describe("SMTP_URL", () => {
  it("says host, port, user and password, and when the connection is encrypted", () => {
    expect(read("smtp://ann%40x:p%2Fw@mail.example.com").smtpUrl).toEqual({
      ...{ host: "mail.example.com", port: 587, user: "ann@x", password: "p/w", isTls: false, isClear: false },
    });
    expect(read("smtps://mail.example.com").smtpUrl).toMatchObject({
      port: 465,
      isTls: true,
      isClear: false,
      user: "",
    });
    for (const local of [
      "smtp://localhost:25",
      "smtp://127.0.0.1:2525/",
      "smtp://[::1]:25",
      "smtp://mail?starttls=no",
    ]) {
      expect(read(local).smtpUrl).toMatchObject({ isTls: false, isClear: true });
    }
    expect(read("smtp://127.0.0.1.example.com").smtpUrl).toMatchObject({ isClear: false });
    expect(read("").smtpUrl).toBeUndefined();
  });

  it("that is wrong is refused without repeating its password", () => {
    const wrong = [
      "mail.example.com",
      "http://a",
      "smtp://u:topsecret@",
      "smtp://topsecret@a",
      "smtps://u:topsecret@a?starttls=no",
    ];
    for (const url of [...wrong, "smtp://u:topsecret@a/path", "smtp://u:topsecret@a?tls=no"]) {
      expect(() => read(url), url).toThrowError(/SMTP_URL: m(ust|ay)/);
      expect(() => read(url)).not.toThrowError(/topsecret/);
    }
  });

  it("goes with a sender, by an address with or without a name", () => {
    expect(read("", "QR Forge <noreply@qr.example>").mailFrom).toEqual({
      name: "QR Forge",
      address: "noreply@qr.example",
    });
    expect(read("", "noreply@qr.example").mailFrom).toEqual({ name: "", address: "noreply@qr.example" });
    for (const wrong of ["noreply", "a@b, c@d", "A <a@b> <c@d>", "A <a@b\r\nBcc: c@d>"]) {
      expect(() => read("", wrong), wrong).toThrowError(/MAIL_FROM: must be/);
    }
  });
});

describe("a mail", () => {
  it("arrives at its one recipient, as text and HTML, marked as made by a machine", async () => {
    const { server, mails } = await open();
    await createMailSender(server, from).send(mail, never);
    const [taken] = mails;
    expect(taken).toMatchObject({ to: ["ann@example.com"], subject: "Hello", text: "text" });
    expect(taken?.headers).toContain("Auto-Submitted: auto-generated");
    expect(taken?.headers).toContain('From: "QR, Forge" <noreply@qrforge.example>');
    expect(taken?.raw).toContain("<p>html</p>");
  });

  it("goes to no address that could be read as another or as several, and adds no header", async () => {
    const { server, mails } = await open();
    const sender = createMailSender(server, from);
    const hostile = [
      "a,victim@example.com",
      '"x"<victim>@example.com',
      "a@example.com\r\nBcc: victim@example.com",
      "a@example.com>\r\nRCPT TO:<victim@example.com",
      "a b@example.com",
      "group:victim@example.com;",
    ];
    for (const to of hostile) {
      const sending = sender.send({ ...mail, to }, never);
      await expect(sending, to).rejects.toMatchObject({ code: "EENVELOPE", isFinal: true });
    }
    expect(mails).toEqual([]);
    await sender.send({ ...mail, to: "o'neil+a/b=c@example.com" }, never);
    expect(mails.map(({ to }) => to)).toEqual([["o'neil+a/b=c@example.com"]]);
  });

  it("arrives at addresses with letters of other scripts", async () => {
    const { server, mails } = await open();
    const sender = createMailSender(server, from);
    await sender.send({ ...mail, to: "jörg@example.com" }, never);
    await sender.send({ ...mail, to: "ann@bücher.example" }, never);
    expect(mails.map(({ to }) => to[0])).toEqual([
      "jörg@example.com",
      expect.stringMatching(/^ann@(bücher|xn--bcher-kva)\.example$/),
    ]);
  });
});

describe("a server", () => {
  it("without STARTTLS, or with a certificate that is not trusted, is sent nothing, unless on loopback or by SMTP_URL", async () => {
    for (const hasStartTls of [false, true]) {
      const { server, mails } = await open({ hasStartTls });
      const demanding = createMailSender({ ...server, isClear: false }, from);
      const code = hasStartTls ? "ESOCKET" : "ETLS";
      await expect(demanding.send(mail, never)).rejects.toMatchObject({ code, isFinal: false });
      expect(mails).toEqual([]);
      await createMailSender(server, from).send(mail, never);
      expect(mails).toHaveLength(1);
    }
  });

  it("that refuses a recipient or a mail for good is told from one that cannot be reached, signed in to, or is busy", async () => {
    const { server, refused } = await open();
    const sender = createMailSender(server, from);
    const failureOf = (to: string, sending = sender) =>
      sending.send({ ...mail, to }, never).then(String, (error) => error);
    refused.set("gone@example.com", { responseCode: 550, message: "<gone@example.com> is gone" });
    refused.set("busy@example.com", { responseCode: 451, message: "try again" });
    const gone = await failureOf("gone@example.com");
    expect(gone).toMatchObject({ isFinal: true, responseCode: 550, command: "RCPT TO" });
    // What a server says quotes addresses, and goes no further.
    expect(JSON.stringify([gone.message, gone.stack, gone, gone.cause ?? ""])).not.toContain("gone@");
    expect(await failureOf("busy@example.com")).toMatchObject({ isFinal: false, responseCode: 451 });
    const stranger = createMailSender({ ...server, password: "not-the-password" }, from);
    const unknown = await failureOf("ann@example.com", stranger);
    expect(unknown).toMatchObject({ isFinal: false, code: "EAUTH" });
    expect(JSON.stringify([unknown.message, unknown.stack, unknown])).not.toContain("not-the-password");
    await closes.pop()?.();
    expect(await failureOf("ann@example.com")).toMatchObject({ isFinal: false, code: "ESOCKET" });
  });

  it("that falls silent, or answers byte by byte for ever, is left when the caller's time is over", async () => {
    const drip = (socket: Socket) => {
      socket.write("220 ");
      const timer = setInterval(() => socket.write("x"), 5);
      socket.on("close", () => clearInterval(timer));
    };
    for (const speak of [() => {}, drip]) {
      const { port, sockets } = await openRaw(speak);
      const sender = createMailSender(read(`smtp://127.0.0.1:${port}`).smtpUrl as SmtpServer, from);
      const leaving = new AbortController();
      const sending = sender.send(mail, leaving.signal);
      const outcome = expect(sending).rejects.toMatchObject({ code: "EABORT", isFinal: false });
      await expect.poll(() => sockets.length).toBe(1);
      leaving.abort();
      await outcome;
      await expect.poll(() => sockets[0]?.destroyed || sockets[0]?.readableEnded).toBe(true);
    }
  });

  it("is checked by signing in, within a bound, and nothing is sent", async () => {
    const { server, mails } = await open();
    await checkSmtpServer(server, 5_000);
    await expect(checkSmtpServer({ ...server, user: `${mailUser.user}2` }, 5_000)).rejects.toMatchObject({
      code: "EAUTH",
    });
    const { port } = await openRaw(() => {});
    await expect(checkSmtpServer({ ...server, port }, 50)).rejects.toMatchObject({ code: "ETIMEDOUT" });
    expect(mails).toEqual([]);
  });
});
