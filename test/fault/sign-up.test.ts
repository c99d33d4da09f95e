import postgres from "postgres";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { endChild } from "../../dev/child.ts";
import type { Cluster } from "../../dev/cluster.ts";
import { startEphemeralCluster } from "../../dev/ephemeral-cluster.ts";
import { Plan } from "../../gen/qrforge/auth/v1/account_pb.ts";
import { AuditService } from "../../gen/qrforge/auth/v1/audit_pb.ts";
import { InvitationService } from "../../gen/qrforge/auth/v1/invitation_pb.ts";
import { SessionService, SignUpMode } from "../../gen/qrforge/auth/v1/session_pb.ts";
import type { Sql } from "../../platform/postgres/pool.ts";
import { createRpcClient } from "../../platform/rpc/client.ts";
import { createInvitationStore } from "../../services/auth/store/invitations.ts";
import { createOutbox } from "../../services/auth/store/outbox.ts";
import { addressesOf } from "../support/addresses.ts";
import { call, eventually, openAuth, wait } from "../support/api.ts";

const password = "correct horse battery";
const actor = { name: "operator:ann", address: "" };

let cluster: Cluster;
let end: () => Promise<void>;
let api: string;
let sql: postgres.Sql;
let made = 0;

beforeAll(async () => {
  ({ cluster, end } = await startEphemeralCluster({ replicas: { edge: 1, auth: 2, quota: 1, qr: 1 } }));
  api = `${cluster.edgeUrls()[0]}/dashboard/api`;
  sql = postgres(cluster.databaseUrl, { max: 1 });
});
afterAll(async () => {
  await sql?.end();
  await end?.();
});

const newEmail = () => `person-${made++}@qrforge.example`;

/** Clients of one process of auth, or of both in turn. */
function openClients(address = addressesOf(cluster, "auth").join(",")) {
  const clients = {
    sessions: createRpcClient(SessionService, { address }),
    invitations: createRpcClient(InvitationService, { address }),
    audit: createRpcClient(AuditService, { address }),
  };
  return {
    sessions: clients.sessions.client,
    invitations: clients.invitations.client,
    audit: clients.audit.client,
    close: () => Object.values(clients).map((client) => client.close()),
  };
}

async function withClients<T>(work: (clients: ReturnType<typeof openClients>) => Promise<T>): Promise<T> {
  const clients = openClients();
  try {
    return await work(clients);
  } finally {
    clients.close();
  }
}

const invite = (email = newEmail(), more: { plan?: Plan; limits?: { perMinute: bigint; perDay: bigint } } = {}) =>
  withClients(({ invitations }) => invitations.createInvitation({ email, actor, ...more }, wait));

const accept = (token: string) => call(`${api}/invitation/accept`, { body: { token, password } });
const signIn = (email: string) => call(`${api}/session`, { body: { email, password } });

/** Starts both replicas of auth again with another SIGN_UP, and waits until the edge sees it. */
async function setSignUp(mode: "open" | "invited" | "closed"): Promise<void> {
  for (const member of cluster.members("auth")) {
    member.env = { SIGN_UP: mode };
    await endChild(member.child, 15_000);
    await cluster.restart(member);
  }
  // Both replicas, whichever the edge asks.
  for (let turn = 0; turn < 4; turn++) {
    await eventually(
      () => call(`${api}/sign-up`),
      ({ body }) => body?.data?.mode === mode,
    );
  }
}

async function countAccounts(): Promise<number> {
  const [{ count }] = await sql<[{ count: string }]>`select count(*) from auth.accounts`;
  return Number(count);
}

describe("an invitation", () => {
  it("makes the account with its plan and limits, signs in, and lets the person sign in again", async () => {
    const email = newEmail();
    const limits = { perMinute: 77n, perDay: 0n };
    const { token, accountId } = await invite(email, { plan: Plan.ENTERPRISE, limits });
    expect(token).toMatch(/^[\w-]{43}$/);
    const before = await countAccounts();
    const shown = await call(`${api}/invitation`, { body: { token } });
    expect([shown.status, shown.body.data.email]).toEqual([200, email]);
    const days = (Date.parse(shown.body.data.expires_at) - Date.now()) / 86_400_000;
    expect(days).toBeGreaterThan(6.9);
    expect(days).toBeLessThan(7.1);
    expect(await countAccounts()).toBe(before);

    const accepted = await accept(token);
    expect([accepted.status, accepted.body.data]).toEqual([
      200,
      expect.objectContaining({ id: accountId, email, plan: "enterprise", per_minute: 77, has_password: true }),
    ]);
    const cookie = String(accepted.headers.get("set-cookie")?.split(";")[0]);
    expect((await call(`${api}/session`, { headers: { cookie } })).body.data.email).toBe(email);
    expect((await signIn(email)).status).toBe(200);
    const { entries } = await withClients(({ audit }) => audit.listAuditEntries({ accountId }, wait));
    expect(entries.map(({ action, actor }) => [action, actor])).toEqual([
      ["invitation.accept", `account:${accountId}`],
      ["invitation.create", "operator:ann"],
    ]);
    expect(entries.map(({ details }) => details).join()).not.toContain(email);
    const { done, fault } = await withClients(({ audit }) => audit.verifyAuditTrail({}, wait));
    expect([done, fault]).toEqual([true, 0n]);
  });

  it("is on the free plan unless it says otherwise", async () => {
    const { token } = await invite();
    expect((await accept(token)).body.data).toMatchObject({ plan: "free", per_minute: 60, per_day: 1_000 });
  });

  it("works once, however many accept it at once at both replicas", async () => {
    const email = newEmail();
    const { token } = await invite(email);
    const replicas = addressesOf(cluster, "auth").map(openClients);
    const outcomes = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        replicas[index % 2]?.invitations
          .acceptInvitation({ token, password: `${password} ${index}` }, wait)
          .then(() => ({ index, outcome: "accepted" }))
          .catch((error) => ({ index, outcome: `${error.reason} ${error.message}` })),
      ),
    );
    for (const { close } of replicas) close();
    const won = outcomes.filter((one) => one?.outcome === "accepted");
    expect(won).toHaveLength(1);
    for (const one of outcomes.filter((one) => one !== won[0])) {
      expect(one?.outcome).toMatch(/^UNAUTHORIZED .*used before/);
    }
    const rows = await sql`select password_hash from auth.accounts where email = ${email}`;
    expect(rows).toHaveLength(1);
    const winner = await call(`${api}/session`, { body: { email, password: `${password} ${won[0]?.index}` } });
    expect(winner.status).toBe(200);
  });

  it("is stored as its SHA-256 alone", async () => {
    const { token } = await invite();
    const [{ found }] = await sql<[{ found: string }]>`
      select count(*) as found from auth.invitations i
      where i::text like ${`%${token}%`} or i::text like ${`%${Buffer.from(token).toString("hex")}%`}
        or i::text like ${`%${Buffer.from(token, "base64url").toString("hex")}%`}`;
    expect(found).toBe("0");
  });

  it("is refused after seven days by the database's clock", async () => {
    const { token, accountId } = await invite();
    await sql`update auth.invitations set expires_at = now() - interval '1 second' where account_id = ${accountId}`;
    const before = await countAccounts();
    for (const answer of [await call(`${api}/invitation`, { body: { token } }), await accept(token)]) {
      expect([answer.status, answer.body.message]).toEqual([401, expect.stringContaining("over 7 days old")]);
    }
    expect(await countAccounts()).toBe(before);
  });

  it("is removed 30 days after it could last be accepted", async () => {
    const [kept, old] = [await invite(), await invite()];
    const expire = (accountId: string, days: number) =>
      sql`update auth.invitations set expires_at = now() - ${days}::integer * interval '1 day' where account_id = ${accountId}`;
    await expire(kept.accountId, 29);
    await expire(old.accountId, 31);
    await createInvitationStore(sql as unknown as Sql, createOutbox({ isOn: false })).deleteExpired();
    const left = await sql`
      select account_id as id from auth.invitations where account_id in (${kept.accountId}, ${old.accountId})`;
    expect(left.map(({ id }) => id)).toEqual([kept.accountId]);
    await sql`delete from auth.invitations where account_id = ${kept.accountId}`;
  });

  it("is refused when it was used, when its token is wrong, and when a newer one took its place: each says so", async () => {
    const { token, email } = await invite();
    await accept(token);
    const refusals: [string, RegExp][] = [[token, /used before/]];
    for (const wrong of ["", "a", "a".repeat(43), `${token}a`, token.toLowerCase()])
      refusals.push([wrong, /not known/]);
    const { token: first, email: other } = await invite();
    const { token: second } = await invite(other);
    refusals.push([first, /not known.*newest/]);
    for (const [one, says] of refusals) {
      for (const path of ["invitation", "invitation/accept"]) {
        const body = path === "invitation" ? { token: one } : { token: one, password };
        const answer = await call(`${api}/${path}`, { body });
        expect([answer.status, answer.body.message], path).toEqual([401, expect.stringMatching(says)]);
        expect(answer.headers.get("set-cookie")).toBeNull();
      }
    }
    expect((await accept(second)).body.data.email).toBe(other);
    expect((await signIn(email)).status).toBe(200);
  });

  it("is not used up by a password that cannot be used", async () => {
    const { token } = await invite();
    const answer = await call(`${api}/invitation/accept`, { body: { token, password: "short" } });
    expect([answer.status, answer.body.details]).toEqual([
      400,
      [{ field: "password", issue: "must have 10 to 256 characters" }],
    ]);
    expect((await accept(token)).status).toBe(200);
  });

  it("is for one address, whatever its case", async () => {
    const email = newEmail();
    const first = await invite(email.toUpperCase());
    expect(first.email).toBe(email);
    const second = await invite(` ${email} `);
    expect(second.accountId).toBe(first.accountId);
    expect((await accept(first.token)).status).toBe(401);
    expect((await accept(second.token)).body.data.email).toBe(email);
    await expect(invite(email.toUpperCase())).rejects.toMatchObject({ reason: "CONFLICT" });
  });

  it("to an address that has an account is refused, and names what to do; nothing changes", async () => {
    const auth = openAuth(addressesOf(cluster, "auth"));
    const { email, accountId } = await auth.newAccount();
    auth.close();
    await expect(invite(email)).rejects.toMatchObject({
      reason: "CONFLICT",
      message: expect.stringContaining(`account sign-in-link ${accountId}`),
    });
    expect(await sql`select 1 from auth.invitations where email = ${email}`).toHaveLength(0);
  });

  it("makes nothing where its address was given an account meanwhile", async () => {
    const { token, email, accountId } = await invite();
    const auth = openAuth(addressesOf(cluster, "auth"));
    const { account } = await auth.accounts.createAccount({ email, plan: Plan.PRO }, wait);
    auth.close();
    const answer = await accept(token);
    expect([answer.status, answer.body.code, answer.body.message]).toEqual([
      409,
      "conflict",
      expect.stringContaining("sign-in link"),
    ]);
    expect(await sql`select account_id, password_hash from auth.accounts where email = ${email}`).toEqual([
      { account_id: account?.accountId, password_hash: null },
    ]);
    expect(await sql`select 1 from auth.sessions where account_id = ${accountId}`).toHaveLength(0);
  });

  it("can be withdrawn", async () => {
    const { token, email, accountId } = await invite();
    const withdraw = () =>
      withClients(({ invitations }) => invitations.deleteInvitation({ email: email.toUpperCase(), actor }, wait));
    await withdraw();
    expect((await accept(token)).status).toBe(401);
    await expect(withdraw()).rejects.toMatchObject({ reason: "NOT_FOUND" });
    const { entries } = await withClients(({ audit }) => audit.listAuditEntries({ accountId }, wait));
    expect(entries.map(({ action }) => action)).toEqual(["invitation.delete", "invitation.create"]);
  });

  it("is asked for with an address and a plan that can be", async () => {
    await expect(invite("no address")).rejects.toMatchObject({
      reason: "INVALID_PAYLOAD",
      fields: [{ field: "email" }],
    });
    await expect(invite(newEmail(), { limits: { perMinute: 1n, perDay: 1n } })).rejects.toMatchObject({
      fields: [{ field: "limits" }],
    });
  });

  it("cannot be made, and cannot be accepted by a page of another site", async () => {
    const { token } = await invite();
    const headers = { "sec-fetch-site": "cross-site" };
    const answer = await call(`${api}/invitation/accept`, { body: { token, password }, headers });
    expect(answer.status).toBe(403);
    expect((await call(`${api}/invitations`, { body: { email: newEmail() } })).status).toBe(404);
  });

  it("may be tried so often a minute from one address", { timeout: 60_000 }, async () => {
    const statuses: number[] = [];
    // More than two minutes have room for, should the minute change.
    for (let turn = 0; turn < 300 && !statuses.includes(429); turn++) {
      statuses.push((await call(`${api}/invitation`, { body: { token: "x" } })).status);
    }
    expect(statuses[0]).toBe(401);
    expect(statuses.at(-1)).toBe(429);
  });
});

describe("the door", () => {
  const modes = { open: SignUpMode.OPEN, invited: SignUpMode.INVITED, closed: SignUpMode.CLOSED };
  const says = { invited: /by invitation.*operator/, closed: /closed.*operator/ };

  // The last one leaves it as it was.
  for (const mode of ["closed", "invited", "open"] as const) {
    it(`${mode}: is the same over HTTP at the edge and over gRPC at both replicas of auth`, async () => {
      await setSignUp("open");
      const guest = await invite();
      await setSignUp(mode);
      for (const address of addressesOf(cluster, "auth")) {
        const clients = openClients(address);
        try {
          expect((await clients.sessions.getSignUpMode({}, wait)).mode).toBe(modes[mode]);
          const person = { email: newEmail(), password };
          const signingUp = clients.sessions.signUp(person, wait);
          if (mode === "open") await signingUp;
          else
            await expect(signingUp).rejects.toMatchObject({
              reason: "FORBIDDEN",
              message: expect.stringMatching(says[mode]),
            });
          const stored = await sql`select 1 from auth.accounts where email = ${person.email}`;
          expect(stored).toHaveLength(mode === "open" ? 1 : 0);

          const inviting = clients.invitations.createInvitation({ email: newEmail(), actor }, wait);
          if (mode === "closed") {
            await expect(inviting).rejects.toMatchObject({
              reason: "FORBIDDEN",
              message: expect.stringMatching(/SIGN_UP=invited.*account create/),
            });
            const accepting = clients.invitations.acceptInvitation({ token: guest.token, password }, wait);
            await expect(accepting).rejects.toMatchObject({ reason: "FORBIDDEN" });
          } else {
            const { token } = await inviting;
            await clients.invitations.acceptInvitation({ token, password }, wait);
          }
        } finally {
          clients.close();
        }
      }
      const person = { email: newEmail(), password };
      const signedUp = await call(`${api}/sign-up`, { body: person });
      expect(signedUp.status).toBe(mode === "open" ? 200 : 403);
      if (mode !== "open") expect(signedUp.body.message).toMatch(says[mode]);
      expect((await call(`${api}/session`, { body: person })).status).toBe(mode === "open" ? 200 : 401);
      const accepted = await accept(guest.token);
      expect(accepted.status).toBe(mode === "closed" ? 403 : 200);
    }, 120_000);
  }

  it("says nothing of who has an account where it is closed", async () => {
    await setSignUp("closed");
    const auth = openAuth(addressesOf(cluster, "auth"));
    const { email } = await auth.newAccount();
    auth.close();
    const answers = [];
    for (const one of [email, newEmail()])
      answers.push(await call(`${api}/sign-up`, { body: { email: one, password } }));
    const [known, unknown] = answers.map(({ status, body: { request_id: _, ...body } }) => ({ status, body }));
    expect(known).toEqual(unknown);
    expect(known?.status).toBe(403);
  }, 60_000);
});
