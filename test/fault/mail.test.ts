import { readdir, readFile } from "node:fs/promises";
import { createServer } from "node:net";
import path from "node:path";
import postgres from "postgres";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Cluster } from "../../dev/cluster.ts";
import { startEphemeralCluster } from "../../dev/ephemeral-cluster.ts";
import { MailLinkService } from "../../gen/qrforge/auth/v1/mail_link_pb.ts";
import { createRpcClient } from "../../platform/rpc/client.ts";
import { sha256 } from "../../services/auth/domain/tokens.ts";
import { addressesOf } from "../support/addresses.ts";
import { call, eventually, openAuth, wait } from "../support/api.ts";
import { type MailServer, mailUser, startMailServer, tokenOf } from "../support/mail-server.ts";
import { runProgram } from "../support/run.ts";

const password = "correct horse battery";
const otherPassword = "another long password";
const firefox = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:128.0) Gecko/20100101 Firefox/128.0";
const safari =
  "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Safari/605.1.15";

let server: MailServer;
let cluster: Cluster;
let dataDir: string;
let end: () => Promise<void>;
let api: string;
let sql: postgres.Sql;
let auth: ReturnType<typeof openAuth>;
let made = 0;

beforeAll(async () => {
  server = await startMailServer();
  const env = {
    auth: { SMTP_URL: server.url, MAIL_FROM: "QRForge <noreply@qrforge.example>" },
    // Each test comes from a network of its own.
    edge: { TRUSTED_PROXIES: "127.0.0.1" },
  };
  ({ cluster, dataDir, end } = await startEphemeralCluster({ env }));
  api = `${cluster.edgeUrls()[0]}/dashboard/api`;
  sql = postgres(cluster.databaseUrl, { max: 1 });
  auth = openAuth(addressesOf(cluster, "auth"));
});
afterAll(async () => {
  auth?.close();
  await sql?.end();
  await end?.();
  await server?.close();
});

const newEmail = () => `mail-${made++}@qrforge.example`;

/** A browser in a network of its own; it keeps its session. */
function openPerson({ browser = firefox, address = `198.51.100.${(made++ % 250) + 1}` } = {}) {
  let session: Record<string, string> = {};
  return {
    async send(route: string, body?: unknown, method = "POST") {
      const headers = { "x-forwarded-for": address, "user-agent": browser, ...session };
      const answer = await call(`${api}${route}`, { method, body, headers });
      const cookie = answer.headers.get("set-cookie")?.split(";")[0];
      if (cookie) session = { cookie, "x-csrf-token": answer.body.data?.csrf_token ?? "" };
      return answer;
    },
    isSignedIn: async () =>
      (await call(`${api}/session`, { headers: { "x-forwarded-for": address, ...session } })).status === 200,
  };
}

/** An account whose owner confirmed the address, and is signed in. */
async function signUp() {
  const email = newEmail();
  const person = openPerson();
  await person.send("/sign-up", { email });
  const token = tokenOf(await server.mailTo(email, "Confirm your e-mail address"), "sign-up");
  const confirmed = await person.send("/sign-up/confirm", { token, password });
  expect(confirmed.status).toBe(200);
  return { email, person, token, accountId: confirmed.body.data.id as string };
}

const accountsOf = (email: string) => sql`select account_id as id from auth.accounts where email = ${email}`;
const mailsTo = (email: string) => server.mails.filter(({ to }) => to.includes(email)).map(({ subject }) => subject);
const isEmpty = () =>
  eventually(
    async () => await sql`select 1 from auth.mails`,
    (rows) => rows.length === 0,
    30_000,
  );

async function readLogs(): Promise<string> {
  const folder = path.join(dataDir, "logs");
  const names = await readdir(folder);
  return (await Promise.all(names.map((name) => readFile(path.join(folder, name), "utf8")))).join("\n");
}

describe("a sign-up", () => {
  it("makes an account once its address is confirmed, with a password of the person who reads its mails", async () => {
    const email = newEmail();
    const person = openPerson();
    const asked = await person.send("/sign-up", { email: email.toUpperCase() });
    expect([asked.status, asked.body.data]).toEqual([200, { needs_mail: true }]);
    const early = await person.send("/sign-up", { email, password });
    expect([early.status, early.body.details[0].field]).toEqual([400, "password"]);
    const mail = await server.mailTo(email, "Confirm your e-mail address");
    expect(mail.text).toContain(`${cluster.publicUrl}/#/sign-up/`);
    expect(await accountsOf(email)).toHaveLength(0);
    const token = tokenOf(mail, "sign-up");
    const shown = await person.send("/mail-link", { token });
    expect(shown.body.data).toMatchObject({ purpose: "sign-up", email });
    expect((await person.send("/sign-up/confirm", { token, password: "short" })).status).toBe(400);
    const confirmed = await person.send("/sign-up/confirm", { token, password });
    expect([confirmed.status, confirmed.body.data.email]).toEqual([200, email]);
    expect(await person.isSignedIn()).toBe(true);
    expect((await openPerson().send("/session", { email, password })).status).toBe(200);
    for (const route of ["/mail-link", "/sign-up/confirm"]) {
      const again = await person.send(route, { token, ...(route !== "/mail-link" && { password }) });
      expect([again.status, again.body.message]).toEqual([401, expect.stringContaining("used before")]);
    }
  });

  it("with an address that has an account is answered alike, changes nothing, and tells its owner alone", async () => {
    const { email } = await signUp();
    const stranger = openPerson();
    const [unknown, known] = [newEmail(), email];
    const answers = [];
    for (const one of [unknown, known]) answers.push(await stranger.send("/sign-up", { email: one }));
    expect(answers[0]?.body.data).toEqual(answers[1]?.body.data);
    expect(answers.map(({ status }) => status)).toEqual([200, 200]);
    const mail = await server.mailTo(email, "You have an account already");
    expect(mail.text).not.toMatch(/\/#\/\w/);
    expect((await openPerson().send("/session", { email, password })).status).toBe(200);
  });

  it("that two people confirm at once makes one account", async () => {
    const email = newEmail();
    const people = [openPerson(), openPerson()];
    for (const person of people) await person.send("/sign-up", { email });
    const mails = await eventually(
      async () => server.mails.filter(({ to }) => to.includes(email)),
      ({ length }) => length === 2,
    );
    const tokens = mails.map((mail) => tokenOf(mail, "sign-up"));
    const confirmed = await Promise.all(
      people.map((person, index) => person.send("/sign-up/confirm", { token: tokens[index], password })),
    );
    expect(confirmed.map(({ status }) => status).sort()).toEqual([200, expect.any(Number)]);
    expect([401, 409]).toContain(Math.max(...confirmed.map(({ status }) => status)));
    expect(await accountsOf(email)).toHaveLength(1);
  });
});

describe("a password reset", () => {
  it("sets a password once, ends every other session, is audited, and the owner is told", async () => {
    const { email, person, accountId } = await signUp();
    const forgetful = openPerson();
    expect((await forgetful.send("/password-reset", { email })).body.data).toEqual({});
    const token = tokenOf(await server.mailTo(email, "Set a new password"), "reset");
    const [link] = await sql`
      select token_hash, expires_at - now() as left from auth.mail_links where account_id = ${accountId}`;
    expect(link?.token_hash).toEqual(sha256(token));
    const reset = await forgetful.send("/password-reset/confirm", { token, password: otherPassword });
    expect(reset.status).toBe(200);
    expect([await forgetful.isSignedIn(), await person.isSignedIn()]).toEqual([true, false]);
    expect((await openPerson().send("/session", { email, password })).status).toBe(401);
    expect((await openPerson().send("/session", { email, password: otherPassword })).status).toBe(200);
    expect((await forgetful.send("/password-reset/confirm", { token, password })).status).toBe(401);
    const { body } = await forgetful.send("/audit", undefined, "GET");
    expect(body.items.map(({ action }: { action: string }) => action)).toEqual(["password.reset", "account.sign-up"]);
    expect((await server.mailTo(email, "Your password was changed")).text).toContain("UTC");
    // What opens an account is neither stored nor logged.
    const stored = await sql`select * from auth.mails`;
    expect(JSON.stringify(stored)).not.toContain(token);
    expect(await readLogs()).not.toContain(token);
  });

  it("is answered alike for addresses with and without an account, and a disabled one gets no mail", async () => {
    const { email, accountId } = await signUp();
    const { accountId: disabledId, email: disabled } = await signUp();
    await auth.accounts.disableAccount({ accountId: disabledId }, wait);
    const person = openPerson();
    const unknown = newEmail();
    for (const one of [email, unknown, disabled]) {
      const answer = await person.send("/password-reset", { email: one });
      expect([answer.status, answer.body.data]).toEqual([200, {}]);
    }
    await server.mailTo(email, "Set a new password");
    await isEmpty();
    expect([mailsTo(unknown), mailsTo(disabled).includes("Set a new password")]).toEqual([[], false]);
    expect((await person.send("/password-reset", { email: "a:b@example.com;" })).status).toBe(400);
    // A link for one thing does no other.
    const token = tokenOf(await server.mailTo(email, "Set a new password"), "reset");
    expect((await person.send("/sign-up/confirm", { token, password })).status).toBe(401);
    expect((await person.send("/email/confirm", { token })).status).toBe(401);
    // Signing out everywhere ends links that are out.
    await sql`update auth.mail_links set expires_at = now() where account_id = ${accountId}`;
    expect((await person.send("/mail-link", { token })).status).toBe(401);
  });

  it("cannot flood an address, nor be asked for without end by one network", async () => {
    const { email } = await signUp();
    const before = mailsTo(email).length;
    for (let index = 0; index < 8; index++) {
      expect((await openPerson().send("/password-reset", { email })).status).toBe(200);
    }
    await isEmpty();
    expect(mailsTo(email).length - before).toBe(5);
    // Asked as an edge would, whose own limit is lower.
    const { client, close } = createRpcClient(MailLinkService, { address: addressesOf(cluster, "auth").join(",") });
    const asked = await Promise.allSettled(
      Array.from({ length: 25 }, (_, index) => {
        // Addresses of one IPv6 network count together.
        const request = { email: newEmail(), address: `2001:db8:9:9::${index + 1}` };
        return client.requestPasswordReset(request, wait);
      }),
    );
    close();
    const refused = asked.flatMap((one) => (one.status === "rejected" ? [one.reason] : []));
    expect(refused).toHaveLength(5);
    expect(refused[0]).toMatchObject({ reason: "SIGN_IN_LIMITED", retryAfterS: expect.any(Number) });
  });
});

describe("an e-mail address", () => {
  it("is changed by who knows the password and reads the new one's mails; the old one is told", async () => {
    const { email, person, accountId } = await signUp();
    const next = newEmail();
    expect((await person.send("/email", { email: next, password: "not the password" })).status).toBe(401);
    expect((await person.send("/email", { email: next, password })).status).toBe(200);
    const mail = await server.mailTo(next, "Confirm your new e-mail address");
    expect((await openPerson().send("/session", { email: next, password })).status).toBe(401);
    const token = tokenOf(mail, "email");
    // Whoever reads the mail, but does not know the password, may be somebody else, and cannot take the account over.
    for (const wrong of [{ token }, { token, password: "not the password" }]) {
      expect((await openPerson().send("/email/confirm", wrong)).status).toBe(401);
    }
    const changed = await openPerson().send("/email/confirm", { token, password });
    expect(changed.body.data).toEqual({ email: next });
    expect(await person.isSignedIn()).toBe(false);
    await server.mailTo(email, "The e-mail address of your account was changed");
    expect((await openPerson().send("/session", { email: next, password })).body.data.id).toBe(accountId);
    expect((await openPerson().send("/session", { email, password })).status).toBe(401);
    expect((await openPerson().send("/email/confirm", { token, password })).status).toBe(401);
  });

  it("of another account is never taken, and the answer does not show that there is one", async () => {
    const [one, other] = [await signUp(), await signUp()];
    const answer = await one.person.send("/email", { email: other.email, password });
    expect([answer.status, answer.body.data]).toEqual([200, {}]);
    await server.mailTo(other.email, "You have an account already");
    // Taken between the mail and the click.
    const wanted = newEmail();
    await one.person.send("/email", { email: wanted, password });
    const token = tokenOf(await server.mailTo(wanted, "Confirm your new e-mail address"), "email");
    await auth.accounts.setAccountEmail({ accountId: other.accountId, email: wanted }, wait);
    expect((await one.person.send("/email/confirm", { token, password })).status).toBe(409);
    expect((await accountsOf(wanted)).map(({ id }) => id)).toEqual([other.accountId]);
  });

  it("that waits to be confirmed is forgotten when the owner resets the password", async () => {
    const { email, person } = await signUp();
    const next = newEmail();
    await person.send("/email", { email: next, password });
    const token = tokenOf(await server.mailTo(next, "Confirm your new e-mail address"), "email");
    const owner = openPerson();
    await owner.send("/password-reset", { email });
    const reset = tokenOf(await server.mailTo(email, "Set a new password"), "reset");
    await owner.send("/password-reset/confirm", { token: reset, password: otherPassword });
    expect((await person.send("/email/confirm", { token, password: otherPassword })).status).toBe(401);
  });
});

describe("an owner is told", () => {
  it("of a sign-in with another browser, once, without the network it came from", async () => {
    const { email, person } = await signUp();
    const visitor = openPerson({ browser: safari });
    for (let index = 0; index < 2; index++) await visitor.send("/session", { email, password });
    const mail = await server.mailTo(email, "New sign-in to your account");
    expect(mail.text).toContain("Safari on macOS");
    expect(mail.text).not.toContain("198.51.100");
    await person.send("/session", { email, password });
    await isEmpty();
    expect(mailsTo(email).filter((subject) => subject === "New sign-in to your account")).toHaveLength(1);
  });

  it("that a key was published and is revoked", async () => {
    const { email, accountId } = await signUp();
    const { key, secret } = await auth.keys.createKey({ accountId, name: "Lädchen <1>" }, wait);
    await call(`${cluster.edgeUrls()[0]}/leaked-keys`, { body: { keys: [secret] } });
    const mail = await server.mailTo(email, "Your API key was published, and is revoked");
    expect(mail.text).toContain(`Lädchen <1> (${key?.prefix}…${key?.last4})`);
    expect(mail.raw).not.toContain(secret);
  });
});

describe("an invitation", () => {
  it("is sent by mail, its token is told to nobody else, and it makes the account", async () => {
    const email = newEmail();
    const env = { AUTH_ADDRESS: addressesOf(cluster, "auth").join(",") };
    const { code, output } = await runProgram("node", ["cli/admin.ts", "account", "invite", email, "--mail"], { env });
    expect({ code, output }).toEqual({ code: 0, output: expect.not.stringContaining("/#/") });
    const token = tokenOf(await server.mailTo(email, "You are invited"), "invitation");
    const accepted = await openPerson().send("/invitation/accept", { token, password });
    expect([accepted.status, accepted.body.data.email]).toEqual([200, email]);
  });
});

describe("a mail server", () => {
  it("that refuses a recipient holds nothing up, and logs have no address and no password", async () => {
    const refused = newEmail();
    server.refused.set(refused, { responseCode: 550, message: `<${refused}> is unknown here` });
    await openPerson().send("/sign-up", { email: refused });
    const { email } = await signUp();
    await isEmpty();
    expect(mailsTo(refused)).toEqual([]);
    const logs = await eventually(readLogs, (text) => text.includes("the mail server refused a mail"));
    for (const secret of [refused, email, mailUser.password]) expect(logs).not.toContain(secret);
  });

  it("that is silent or down delays mails and nothing else", { timeout: 120_000 }, async () => {
    const { email } = await signUp();
    await isEmpty();
    const { port } = server;
    await server.close();
    const sockets = new Set<{ destroy(): void }>();
    const silent = createServer((socket) => {
      socket.on("error", () => {});
      sockets.add(socket);
    });
    await new Promise<void>((resolve) => silent.listen(port, "127.0.0.1", resolve));
    const person = openPerson();
    expect((await person.send("/password-reset", { email })).status).toBe(200);
    await eventually(
      async () => sockets.size,
      (size) => size > 0,
    );
    expect((await person.send("/sign-up", { email: newEmail() })).status).toBe(200);
    expect((await person.send("/session", { email, password })).status).toBe(200);
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => silent.close(resolve));
    server = await startMailServer({ port });
    const token = tokenOf(await server.mailTo(email, "Set a new password", 60_000), "reset");
    expect((await person.send("/password-reset/confirm", { token, password: otherPassword })).status).toBe(200);
  });
});
