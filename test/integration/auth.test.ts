import { randomBytes } from "node:crypto";
import postgres from "postgres";
import { afterAll, describe, expect, inject, it } from "vitest";
import { Plan } from "../../gen/qrforge/auth/v1/account_pb.ts";
import { AuditService } from "../../gen/qrforge/auth/v1/audit_pb.ts";
import { SessionService } from "../../gen/qrforge/auth/v1/session_pb.ts";
import { LeaseService } from "../../gen/qrforge/common/v1/lease_pb.ts";
import { createRpcClient } from "../../platform/rpc/client.ts";
import { windowMs } from "../../services/auth/domain/sign-in-limits.ts";
import { call, eventually, openAuth, wait } from "../support/api.ts";

const { edges, auths, databaseUrl } = inject("cluster");
const edge = edges[0] as string;
const auth = openAuth(auths);
const address = auths.join(",");
const audit = createRpcClient(AuditService, { address });
const sessions = createRpcClient(SessionService, { address });
const leases = createRpcClient(LeaseService, { address });
const sql = postgres(databaseUrl, { max: 2 });
afterAll(async () => {
  auth.close();
  for (const { close } of [audit, sessions, leases]) close();
  await sql.end();
});

const actor = { name: "operator:ann", address: "192.0.2.7" };
const tomorrow = Date.now() + 86_400_000;

describe("a change that edges must see", () => {
  it("tells how many edges acknowledged it, and how long that took", async () => {
    const { keyId } = await auth.newAccount();
    const { propagation } = await auth.keys.revokeKey({ keyId }, wait);
    expect(propagation).toMatchObject({ acknowledgedCount: 2, waitedOutCount: 0 });
    expect(propagation?.elapsedMs).toBeGreaterThan(0);
  });

  it("resets a holder that is new or speaks of another log, and no other", async () => {
    const holder = `log-${Date.now()}`;
    const first = await leases.client.renew({ holder, renewal: 1n }, wait);
    expect(first).toMatchObject({ reset: true, leaseMs: 2_000 });
    const applied = first.position;
    const next = (logId: string) => leases.client.renew({ holder, renewal: 2n, applied, logId }, wait);
    expect((await next(first.logId)).reset).toBe(false);
    expect((await next("00000000-0000-0000-0000-000000000000")).reset).toBe(true);
    const { keyId } = await auth.newAccount();
    const revoking = auth.keys.revokeKey({ keyId }, wait);
    const brought = await eventually(
      () => next(first.logId),
      ({ keys }) => keys.length > 0,
    );
    expect(brought.keys).toHaveLength(1);
    await leases.client.release({ holder }, wait);
    expect((await revoking).propagation?.waitedOutCount).toBe(0);
  });

  it("waits for a holder that is silent no longer than its lease and the margin", async () => {
    const holder = `silent-${Date.now()}`;
    await leases.client.renew({ holder, renewal: 1n }, wait);
    const { keyId } = await auth.newAccount();
    const { propagation } = await auth.keys.revokeKey({ keyId }, wait);
    expect(propagation).toMatchObject({ acknowledgedCount: 2, waitedOutCount: 1 });
    expect(propagation?.elapsedMs).toBeGreaterThanOrEqual(2_000);
    await leases.client.release({ holder }, wait);
    const { propagation: next } = await auth.keys.revokeKey({ keyId }, wait);
    expect(next).toMatchObject({ acknowledgedCount: 2, waitedOutCount: 0 });
  });

  it("can be asked for again: revoking and disabling are idempotent, and a lost rotation is told truly", async () => {
    const { keyId, accountId } = await auth.newAccount();
    const { key: next } = await auth.keys.rotateKey({ keyId }, wait);
    await expect(auth.keys.rotateKey({ keyId }, wait)).rejects.toMatchObject({
      reason: "KEY_NOT_ACTIVE",
      message: expect.stringContaining(next?.keyId as string),
    });
    const first = await auth.keys.revokeKey({ keyId: next?.keyId as string }, wait);
    const second = await auth.keys.revokeKey({ keyId: next?.keyId as string }, wait);
    expect(second.key?.endTime).toEqual(first.key?.endTime);
    for (let time = 0; time < 2; time++) await auth.accounts.disableAccount({ accountId }, wait);
    const { entries } = await audit.client.listAuditEntries({ accountId }, wait);
    expect(entries.map(({ action }) => action)).toEqual([
      "account.disable",
      "key.revoke",
      "key.rotate",
      "key.create",
      "account.create",
    ]);
  });

  it("counts new limits from the next request on, on every edge", async () => {
    const { key, accountId } = await auth.newAccount(Plan.ENTERPRISE, { perMinute: 1_000n, perDay: 0n });
    for (const from of edges) await call(`${from}/v1/usage`, { key });
    const limits = { perMinute: 777n, perDay: 0n };
    await auth.accounts.setAccountPlan({ accountId, plan: Plan.ENTERPRISE, limits }, wait);
    for (const from of edges) {
      expect((await call(`${from}/v1/usage`, { key })).headers.get("ratelimit-policy")).toContain("q=777");
    }
  });

  it("does not leave more keys active than the new plan allows", async () => {
    const { accountId, keyId } = await auth.newAccount(Plan.ENTERPRISE);
    await auth.keys.createKey({ accountId, name: "second" }, wait);
    const downgrade = () => auth.accounts.setAccountPlan({ accountId, plan: Plan.FREE }, wait);
    await expect(downgrade()).rejects.toMatchObject({ reason: "KEY_LIMIT_REACHED" });
    await auth.keys.revokeKey({ keyId }, wait);
    expect((await downgrade()).account?.plan).toBe(Plan.FREE);
  });
});

describe("an e-mail address", () => {
  it("is handed over by giving its account another one, which ends the account's sessions and is audited", async () => {
    const [stranger, other] = [await auth.newAccount(), await auth.newAccount()];
    const { accountId, email } = stranger;
    const links = [await sessions.client.createSignInLink({ accountId }, wait)];
    const { session } = await sessions.client.redeemSignInLink({ token: links[0]?.token as string }, wait);
    links.push(await sessions.client.createSignInLink({ accountId }, wait));
    const setEmail = (to: string, of = accountId) =>
      auth.accounts.setAccountEmail({ accountId: of, email: to, actor }, wait);
    await expect(setEmail(other.email)).rejects.toMatchObject({ reason: "CONFLICT" });
    await expect(setEmail("no address")).rejects.toMatchObject({ reason: "INVALID_PAYLOAD" });
    await expect(setEmail(`x:${email};`)).rejects.toMatchObject({ reason: "INVALID_PAYLOAD" });
    expect((await setEmail(`Moved-${email}`)).account?.email).toBe(`moved-${email}`);
    const ended = { reason: "UNAUTHORIZED" };
    await expect(sessions.client.resolveSession({ token: session?.token as string }, wait)).rejects.toMatchObject(
      ended,
    );
    const token = links[1]?.token as string;
    await expect(sessions.client.redeemSignInLink({ token }, wait)).rejects.toMatchObject(ended);
    expect((await setEmail(email, other.accountId)).account?.accountId).toBe(other.accountId);
    expect((await auth.accounts.getAccount({ email: email.toUpperCase() }, wait)).account?.accountId).toBe(
      other.accountId,
    );
    await expect(auth.accounts.getAccount({ email: other.email }, wait)).rejects.toMatchObject({ reason: "NOT_FOUND" });
    const { entries } = await audit.client.listAuditEntries({ accountId }, wait);
    expect(entries[0]).toMatchObject({ action: "account.set-email", actor: "operator:ann", details: "{}" });
  });
});

describe("what is known of a key", () => {
  it("says who made it and who ended it, its age, and when to rotate it", async () => {
    const { accountId, keyId } = await auth.newAccount(Plan.ENTERPRISE);
    const { key } = await auth.keys.createKey({ accountId, name: "x", actor }, wait);
    await auth.keys.revokeKey({ keyId: key?.keyId as string, actor: { name: "operator:bob" } }, wait);
    await sql`update auth.keys set created_at = now() - interval '75 days' where key_id = ${keyId}`;
    const { keys } = await auth.keys.listKeys({ accountId }, wait);
    const ended = keys.find((one) => one.keyId === key?.keyId);
    expect(ended).toMatchObject({ createdBy: "operator:ann", endedBy: "operator:bob", ageDays: 0 });
    const old = keys.find((one) => one.keyId === keyId);
    expect(old?.ageDays).toBe(75);
    const seconds = (time: { seconds: bigint } | undefined) => Number(time?.seconds) * 1000;
    expect(seconds(old?.rotateSuggestTime)).toBeLessThan(Date.now());
    expect(seconds(old?.rotateAfterTime)).toBeGreaterThan(tomorrow);
  });

  it("has the minute of its last use, and no request waits for that", { timeout: 30_000 }, async () => {
    const { key, keyId, accountId } = await auth.newAccount();
    const before = Math.floor(Date.now() / 60_000) * 60;
    await call(`${edge}/v1/usage`, { key });
    const used = async () => (await auth.keys.listKeys({ accountId }, wait)).keys.find((k) => k.keyId === keyId);
    const seen = await eventually(used, (found) => found?.lastUseTime !== undefined, 15_000);
    const seconds = Number(seen?.lastUseTime?.seconds);
    expect(seconds % 60).toBe(0);
    expect(seconds - before).toBeLessThanOrEqual(60);
  });

  it("is listed page by page, each key once", async () => {
    const { accountId } = await auth.newAccount(Plan.ENTERPRISE);
    for (let i = 0; i < 4; i++) await auth.keys.createKey({ accountId, name: `k${i}` }, wait);
    const seen: string[] = [];
    let pageToken = "";
    do {
      const page = await auth.keys.listKeys({ accountId, pageSize: 2, pageToken }, wait);
      seen.push(...page.keys.map(({ keyId }) => keyId));
      pageToken = page.nextPageToken;
    } while (pageToken !== "");
    expect(new Set(seen).size).toBe(5);
  });
});

describe("the audit trail", () => {
  async function verify() {
    let checked = 0n;
    let hash = new Uint8Array();
    for (;;) {
      const answer = await audit.client.verifyAuditTrail({ checked, hash }, wait);
      if (answer.done) return answer;
      checked = answer.checked;
      hash = new Uint8Array(answer.hash);
    }
  }

  it("records who, what and from where, without a secret", async () => {
    const { accountId, key } = await auth.newAccount();
    await auth.accounts.disableAccount({ accountId, actor }, wait);
    const { entries } = await audit.client.listAuditEntries({ accountId }, wait);
    expect(entries[0]).toMatchObject({ action: "account.disable", actor: "operator:ann", address: "192.0.2.7" });
    expect(JSON.stringify(entries, (_, value) => (typeof value === "bigint" ? String(value) : value))).not.toContain(
      key,
    );
  });

  it("is in order, and names the first entry that was altered, removed or added", async () => {
    const { accountId } = await auth.newAccount();
    const { entries } = await audit.client.listAuditEntries({ accountId }, wait);
    const sequence = Number(entries[1]?.sequence);
    expect((await verify()).fault).toBe(0n);

    const [row] = await sql`select * from auth.audit where sequence = ${sequence}`;
    await sql`update auth.audit set actor = 'operator:nobody' where sequence = ${sequence}`;
    expect(await verify()).toMatchObject({ fault: BigInt(sequence), problem: "was altered or added" });
    await sql`delete from auth.audit where sequence = ${sequence}`;
    expect(await verify()).toMatchObject({ fault: BigInt(sequence), problem: "was removed" });
    await sql`insert into auth.audit ${sql(row as postgres.Row)}`;
    expect((await verify()).fault).toBe(0n);
    const [{ last }] = await sql<[{ last: string }]>`select max(sequence) as last from auth.audit`;
    await sql`insert into auth.audit ${sql({ ...row, sequence: String(BigInt(last) + 1n) })}`;
    expect((await verify()).fault).toBeGreaterThan(BigInt(last));
    await sql`delete from auth.audit where sequence > ${last}`;
  });
});

describe("people", () => {
  const newPerson = () => ({
    email: `person-${randomBytes(6).toString("hex")}@qrforge.example`,
    password: `long enough ${randomBytes(6).toString("hex")}`,
  });
  const from = (address: string) => ({ address });
  const signIn = (person: { email: string; password: string }, address: string) =>
    sessions.client.signIn({ ...person, ...from(address) }, wait);
  /** Lives a story of a new person within one of the windows in which failures are counted. */
  async function inOneWindow<T>(story: (person: ReturnType<typeof newPerson>) => Promise<T>): Promise<T> {
    const windowNow = () => Math.floor(Date.now() / windowMs);
    for (;;) {
      const window = windowNow();
      const outcome = await story(newPerson());
      if (windowNow() === window) return outcome;
    }
  }
  const wrong = expect.objectContaining({ reason: "UNAUTHORIZED", message: "Wrong e-mail or password." });

  it("sign up, sign in, sign out here and everywhere", async () => {
    const person = newPerson();
    await sessions.client.signUp({ ...person, ...from("198.51.100.1") }, wait);
    const { session } = await signIn(person, "198.51.100.1");
    const token = session?.token as string;
    expect(token).toMatch(/^[\w-]{43}$/);
    expect(await sessions.client.resolveSession({ token }, wait)).toMatchObject({ email: person.email });
    const [{ count }] = await sql<[{ count: string }]>`
      select count(*) from auth.sessions where encode(token_hash, 'base64') like ${`%${token}%`}`;
    expect(count).toBe("0");
    await sessions.client.signOut({ token }, wait);
    await expect(sessions.client.resolveSession({ token }, wait)).rejects.toMatchObject({ reason: "UNAUTHORIZED" });
    const tokens: string[] = [];
    for (let i = 0; i < 2; i++) tokens.push((await signIn(person, "198.51.100.1")).session?.token as string);
    await sessions.client.signOutEverywhere({ token: tokens[0] as string }, wait);
    for (const one of tokens) await expect(sessions.client.resolveSession({ token: one }, wait)).rejects.toThrow();
  });

  it("change their password, which ends all other sessions", async () => {
    const person = newPerson();
    await sessions.client.signUp({ ...person, ...from("198.51.100.2") }, wait);
    const { session: other } = await signIn(person, "198.51.100.2");
    const { session } = await signIn(person, "198.51.100.2");
    const change = (oldPassword: string) =>
      sessions.client.changePassword(
        { token: session?.token as string, oldPassword, newPassword: "another long one", ...from("198.51.100.2") },
        wait,
      );
    await expect(change("not the old one")).rejects.toThrowError(wrong);
    const changed = await change(person.password);
    await expect(sessions.client.resolveSession({ token: other?.token as string }, wait)).rejects.toThrow();
    await sessions.client.resolveSession({ token: changed.session?.token as string }, wait);
    await expect(signIn(person, "198.51.100.2")).rejects.toThrowError(wrong);
    await signIn({ ...person, password: "another long one" }, "198.51.100.2");
  });

  it("cannot learn from answers which addresses have an account", async () => {
    const person = newPerson();
    const first = await sessions.client.signUp({ ...person, ...from("198.51.100.3") }, wait);
    const again = await sessions.client.signUp(
      { ...person, password: "other password", ...from("198.51.100.3") },
      wait,
    );
    expect(again).toEqual(first);
    await signIn(person, "198.51.100.3");
    await expect(signIn({ ...person, password: "other password" }, "198.51.100.4")).rejects.toThrowError(wrong);
    await expect(signIn(newPerson(), "198.51.100.4")).rejects.toThrowError(wrong);
    await expect(signIn({ email: "no address", password: "x" }, "198.51.100.4")).rejects.toThrowError(wrong);
    await expect(sessions.client.signUp({ email: "x", password: "short" }, wait)).rejects.toMatchObject({
      reason: "INVALID_PAYLOAD",
      fields: [{ field: "email" }, { field: "password" }],
    });
  });

  it("cannot pass the limits by trying many passwords at once", { timeout: 60_000 }, async () => {
    const outcomes = await inOneWindow((person) =>
      Promise.all(
        Array.from({ length: 40 }, () => signIn(person, "192.0.2.50").catch((error) => error.reason as string)),
      ),
    );
    expect(outcomes.filter((outcome) => outcome === "UNAUTHORIZED").length).toBeLessThanOrEqual(10);
    expect(outcomes.filter((outcome) => outcome === "SIGN_IN_LIMITED").length).toBeGreaterThanOrEqual(30);
  });

  it("are held up after failures, but not locked out by strangers", { timeout: 60_000 }, async () => {
    const { guesses, more } = await inOneWindow(async (person) => {
      await sessions.client.signUp({ ...person, ...from("203.0.113.1") }, wait);
      await signIn(person, "203.0.113.1");
      const guess = (address: string) =>
        signIn({ ...person, password: "a wrong guess" }, address).catch((error) => error.reason);
      const guesses: string[] = [];
      for (let i = 0; i < 24; i++) guesses.push(await guess(`203.0.113.${100 + (i % 12)}`));
      // Under attack an address that is new to the account has three tries, where the owner needs one.
      const more: string[] = [];
      for (let i = 0; i < 4; i++) more.push(await guess("203.0.113.100"));
      await signIn(person, "203.0.113.200");
      await signIn(person, "203.0.113.1");
      return { guesses, more };
    });
    expect(guesses).toEqual(Array(24).fill("UNAUTHORIZED"));
    expect(more).toEqual(["UNAUTHORIZED", ...Array(3).fill("SIGN_IN_LIMITED")]);
  });

  it("set a new password without the old one for an hour after a sign-in link, and not after that or otherwise", async () => {
    const { email, accountId } = await auth.newAccount();
    const byLink = async () => {
      const { token } = await sessions.client.createSignInLink({ accountId }, wait);
      return (await sessions.client.redeemSignInLink({ token }, wait)).session?.token as string;
    };
    const set = (token: string, newPassword: string) =>
      sessions.client.changePassword({ token, oldPassword: "", newPassword, ...from("198.51.100.10") }, wait);
    await set(await byLink(), "the first password");
    const { session } = await set(await byLink(), "the second password");
    const bySession = session?.token as string;
    expect(await sessions.client.resolveSession({ token: bySession }, wait)).toMatchObject({ maySetPassword: false });
    await expect(set(bySession, "the third password")).rejects.toThrowError(wrong);
    const late = await byLink();
    expect(await sessions.client.resolveSession({ token: late }, wait)).toMatchObject({ maySetPassword: true });
    await sql`update auth.sessions set created_at = now() - interval '61 minutes' where account_id = ${accountId}`;
    expect(await sessions.client.resolveSession({ token: late }, wait)).toMatchObject({ maySetPassword: false });
    await expect(set(late, "the third password")).rejects.toThrowError(wrong);
    await signIn({ email, password: "the second password" }, "198.51.100.10");
  });

  it("end with the links that are not used yet when a password changes, and when all are signed out", async () => {
    const { accountId } = await auth.newAccount();
    const newLink = async () => (await sessions.client.createSignInLink({ accountId }, wait)).token;
    const open = async () =>
      (await sessions.client.redeemSignInLink({ token: await newLink() }, wait)).session?.token as string;
    const unused = [await newLink(), await newLink()];
    const change = { token: await open(), oldPassword: "", newPassword: "a new password" };
    await sessions.client.changePassword({ ...change, ...from("198.51.100.11") }, wait);
    unused.push(await newLink());
    await sessions.client.signOutEverywhere({ token: await open() }, wait);
    for (const token of unused) {
      await expect(sessions.client.redeemSignInLink({ token }, wait)).rejects.toMatchObject({ reason: "UNAUTHORIZED" });
    }
  });

  it("whom an operator's account belongs to cannot sign in without a password", async () => {
    const { email } = await auth.newAccount();
    await expect(signIn({ email, password: "" }, "198.51.100.9")).rejects.toThrowError(wrong);
  });
});
