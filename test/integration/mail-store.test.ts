import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { newId, newToken } from "../../platform/ids.ts";
import type { Sql } from "../../platform/postgres/pool.ts";
import { rateLimitKeys } from "../../platform/rate-limit-key.ts";
import { waitingMailsMax } from "../../services/auth/domain/mail-limits.ts";
import { sha256 } from "../../services/auth/domain/tokens.ts";
import { createAccountStore } from "../../services/auth/store/accounts.ts";
import { createInvitationStore } from "../../services/auth/store/invitations.ts";
import { createKeyStore } from "../../services/auth/store/keys.ts";
import { createMailLinkStore } from "../../services/auth/store/mail-links.ts";
import { createMailStore, type DueMail } from "../../services/auth/store/mails.ts";
import { createOutbox } from "../../services/auth/store/outbox.ts";
import { createOwnDatabase, type OwnDatabase } from "../support/own-database.ts";

const { databaseUrl } = inject("cluster");
const actor = { name: "operator:ann", address: "192.0.2.7" };
const leaseMs = 60_000;
/** Nobody sends its mails. */
let database: OwnDatabase;
let own: Sql;

beforeAll(async () => {
  database = await createOwnDatabase(databaseUrl, ["auth"], { poolSize: 6 });
  own = database.sql;
});
afterAll(() => database.drop());

const outbox = createOutbox({ isOn: true });
const newEmail = () => `${newId().toLowerCase()}@qrforge.example`;
const take = async () => createMailStore(own).take(sha256(newToken()), leaseMs);
const kindOf = (mail: DueMail | "void" | undefined) => (typeof mail === "object" ? mail.kind : mail);
const clear = () => own`truncate auth.mails, auth.mail_links, auth.mail_counts`;

async function newAccount(email = newEmail()) {
  const account = { accountId: newId(), email, plan: "enterprise" as const, perMinute: 0, perDay: 0 };
  await createAccountStore(own, outbox).create(actor, account);
  return account;
}

describe("a mail that waits", () => {
  it("belongs to one process at a time, and comes again when that one does not finish it", async () => {
    await clear();
    const links = createMailLinkStore(own, outbox);
    for (let index = 0; index < 3; index++) await links.requestSignUp(newEmail());
    const taken = await Promise.all(Array.from({ length: 5 }, take));
    const ids = taken.flatMap((mail) => (typeof mail === "object" ? [mail.mailId] : []));
    expect(new Set(ids).size).toBe(3);
    await own`update auth.mails set due_at = now() where mail_id = ${ids[0] as string}`;
    expect(await take()).toMatchObject({ mailId: ids[0], tries: 2, isOver: false });
    await own`update auth.mails set due_at = now(), created_at = now() - interval '25 hours' where mail_id = ${ids[0] as string}`;
    expect(await take()).toMatchObject({ mailId: ids[0], isOver: true });
  });

  it("is not sent if its link would open nothing", async () => {
    await clear();
    const links = createMailLinkStore(own, outbox);
    const [taken, disabled, invited] = [newEmail(), await newAccount(), newEmail()];
    await links.requestSignUp(taken);
    await newAccount(taken);
    await links.requestPasswordReset(disabled.email);
    await createAccountStore(own, outbox).setDisabled(actor, disabled.accountId, true);
    const invitations = createInvitationStore(own, outbox);
    const invitation = { accountId: newId(), email: invited, tokenHash: sha256(newToken()), plan: "free" as const };
    await invitations.create(actor, { ...invitation, perMinute: 1, perDay: 1 }, { sendMail: true });
    await invitations.delete(actor, invited);
    expect([await take(), await take(), await take(), await take()]).toEqual(["void", "void", "void", undefined]);
    expect(await own`select 1 from auth.mail_links`).toHaveLength(0);
  });

  it("for a way into an account is dropped with the account's sessions", async () => {
    await clear();
    const links = createMailLinkStore(own, outbox);
    const { accountId, email } = await newAccount();
    await links.requestPasswordReset(email);
    await links.requestEmailChange(accountId, newEmail());
    await createAccountStore(own, outbox).setEmail(actor, accountId, newEmail());
    expect([kindOf(await take()), kindOf(await take())]).toEqual(["email-changed", undefined]);
  });
});

describe("mails to one address", () => {
  it("are few an hour, however many ask at once, and strangers do not use up the notices", async () => {
    await clear();
    const links = createMailLinkStore(own, outbox);
    const { accountId, email } = await newAccount();
    await Promise.all(Array.from({ length: 30 }, () => links.requestPasswordReset(email)));
    expect(await own`select 1 from auth.mails where kind = 'password-reset'`).toHaveLength(5);
    await createAccountStore(own, outbox).setEmail(actor, accountId, newEmail());
    expect(await own`select 1 from auth.mails where kind = 'email-changed'`).toHaveLength(1);
    await own`update auth.mail_counts set time_hour = time_hour - 1`;
    await links.requestSignUp(email);
    expect(await own`select 1 from auth.mails where kind = 'sign-up'`).toHaveLength(1);
  });

  it("that carry no link do not keep its owner from one that resets the password", async () => {
    await clear();
    const links = createMailLinkStore(own, outbox);
    const [{ email }, other] = [await newAccount(), await newAccount()];
    for (let index = 0; index < 6; index++) {
      await links.requestSignUp(email);
      await links.requestEmailChange(other.accountId, email);
    }
    expect(await own`select 1 from auth.mails where kind = 'address-known'`).toHaveLength(5);
    await links.requestPasswordReset(email);
    expect(await own`select 1 from auth.mails where kind = 'password-reset'`).toHaveLength(1);
  });

  it("are asked for by one network a few times an hour, and by an IPv6 /48 as by several", async () => {
    await clear();
    const links = createMailLinkStore(own, outbox);
    const ask = (address: string) => links.isLimited(rateLimitKeys(address));
    const asked = [];
    for (let index = 0; index < 21; index++) asked.push(await ask(`2001:db8:1:1::${index + 1}`));
    expect(asked.filter(Boolean)).toHaveLength(1);
    const site = [];
    for (let index = 0; index < 310; index++) site.push(await ask(`2001:db8:1:${(index + 2).toString(16)}::1`));
    expect(site.filter(Boolean)).toHaveLength(310 - (16 * 20 - 21));
    expect(await ask("2001:db8:2::1")).toBe(false);
  });

  it("are refused to strangers, and not to notices, while very many wait", async () => {
    await clear();
    await own`
      insert into auth.mails (mail_id, kind, email, account_id, details)
      select 'waiting-' || n, 'password-changed', 'x@qrforge.example', '', '{}' from generate_series(1, ${waitingMailsMax}) n`;
    const { accountId, email } = await newAccount();
    const links = createMailLinkStore(own, outbox);
    // Whether or not there is an account.
    for (const address of [email, newEmail()]) {
      for (const ask of [links.requestSignUp, links.requestPasswordReset]) {
        await expect(ask(address)).rejects.toMatchObject({ reason: "UNAVAILABLE" });
      }
    }
    await createAccountStore(own, outbox).setEmail(actor, accountId, newEmail());
    expect(await own`select 1 from auth.mails where kind = 'email-changed'`).toHaveLength(1);
    await clear();
  });
});

describe("owners of old keys", () => {
  it("get one mail about all that are due, once for each key", async () => {
    await clear();
    const keys = createKeyStore(own, outbox);
    const [{ accountId, email }, disabled] = [await newAccount(), await newAccount()];
    const create = async (of: string, days: number, shop: string) => {
      const key = { keyId: newId(), name: shop, hash: sha256(newId()), prefix: "api_live_abcd", last4: "wxyz" };
      await keys.create(actor, of, key);
      await own`update auth.keys set created_at = now() - ${days} * interval '1 day' where key_id = ${key.keyId}`;
      return key.keyId;
    };
    const [first] = [await create(accountId, 91, "old"), await create(accountId, 89, "young")];
    await create(accountId, 100, "older");
    await keys.revoke(actor, await create(accountId, 200, "revoked"), "");
    await create(disabled.accountId, 200, "of nobody");
    await createAccountStore(own, outbox).setDisabled(actor, disabled.accountId, true);
    expect(await keys.noticeOldKeys(100)).toBe(false);
    await keys.noticeOldKeys(100);
    const mail = await take();
    expect(mail).toMatchObject({ kind: "keys-old", email, details: { days: 90, more: 0 } });
    const names = typeof mail === "object" && mail.kind === "keys-old" ? mail.details.keys.map((key) => key.name) : [];
    expect(names.sort()).toEqual(["old", "older"]);
    expect(await take()).toBeUndefined();
    await keys.rotate(actor, first as string, "", { keyId: newId(), hash: sha256(newId()), prefix: "p", last4: "l" });
    await keys.noticeOldKeys(100);
    expect(await take()).toBeUndefined();
  });
});

describe("where no mail is sent", () => {
  it("none is written", async () => {
    await clear();
    const off = createOutbox({ isOn: false });
    const { accountId, email } = await newAccount();
    await createMailLinkStore(own, off).requestPasswordReset(email);
    await createAccountStore(own, off).setEmail(actor, accountId, newEmail());
    expect(await own`select 1 from auth.mails`).toHaveLength(0);
  });
});
