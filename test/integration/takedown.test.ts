import postgres from "postgres";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { AuditService } from "../../gen/qrforge/auth/v1/audit_pb.ts";
import { TakedownService as QrTakedownService } from "../../gen/qrforge/qr/v1/takedown_pb.ts";
import { randomBase36 } from "../../platform/ids.ts";
import { createRpcClient } from "../../platform/rpc/client.ts";
import { call, eventually, openAuth, wait } from "../support/api.ts";

const { edges, auths, qrs, databaseUrl } = inject("cluster");
const auth = openAuth(auths);
const audit = createRpcClient(AuditService, { address: auths.join() });
const qr = createRpcClient(QrTakedownService, { address: qrs.join() });
const sql = postgres(databaseUrl, { max: 1 });
afterAll(async () => {
  for (const one of [auth, audit, qr]) one.close();
  await sql.end();
});

/** Creates an account with codes, each of which every edge has in its cache. */
async function newCodes(count: number) {
  const account = await auth.newAccount();
  const slugs = Array.from({ length: count }, () => `t-${randomBase36(12)}`);
  for (const slug of slugs) {
    const body = { name: "Menu", redirect_url: "https://example.com/", slug };
    expect((await call(`${edges[0]}/v1/qr-codes`, { key: account.key, body })).status).toBe(201);
  }
  expect(await scan(slugs)).toEqual(slugs.flatMap(() => edges.map(() => 302)));
  return { ...account, slugs };
}

/** Scans each code at each edge, and returns the statuses. */
const scan = (slugs: string[]) =>
  Promise.all(slugs.flatMap((slug) => edges.map(async (edge) => (await call(`${edge}/${slug}`)).status)));

const all = (slugs: string[], status: number) => slugs.flatMap(() => edges.map(() => status));
const patch = (key: string, slug: string, body: object) =>
  call(`${edges[0]}/v1/qr-codes/${slug}`, { key, method: "PATCH", body });

describe("a disabled account's codes", () => {
  it("are gone on every edge once the call has returned, and are back once it is enabled", async () => {
    const { accountId, slugs } = await newCodes(3);
    const others = await newCodes(1);
    const disabled = await auth.accounts.disableAccount({ accountId }, wait);
    expect(await scan(slugs)).toEqual(all(slugs, 410));
    expect(disabled.codePropagation).toMatchObject({ acknowledgedCount: edges.length, waitedOutCount: 0 });
    expect(await scan(others.slugs)).toEqual(all(others.slugs, 302));
    await auth.accounts.enableAccount({ accountId }, wait);
    expect(await scan(slugs)).toEqual(all(slugs, 302));
  });

  it("stay as the newest state says, whatever older one comes late", async () => {
    const { accountId, slugs } = await newCodes(1);
    const subject = { case: "accountId", value: accountId } as const;
    const late = { takedowns: [{ subject, takenDown: true, reason: "", revision: 1n }] };
    await auth.accounts.disableAccount({ accountId }, wait);
    await auth.accounts.enableAccount({ accountId }, wait);
    const { inForce } = await qr.client.setTakedowns(late, wait);
    expect(inForce).toMatchObject([{ takenDown: false, revision: 2n }]);
    expect(await scan(slugs)).toEqual(all(slugs, 302));
  });

  it("follow also after auth's database was set back to before states that qr has", async () => {
    const { accountId, slugs } = await newCodes(1);
    for (let round = 0; round < 3; round++) {
      await auth.accounts.disableAccount({ accountId }, wait);
      await auth.accounts.enableAccount({ accountId }, wait);
    }
    // qr has revision 6, enabled; the next one here would be 6 again, or 3.
    for (const revision of [5, 2]) {
      await sql`update auth.takedowns set revision = ${revision}, confirmed = ${revision} where account_id = ${accountId}`;
      await auth.accounts.disableAccount({ accountId }, wait);
      expect(await scan(slugs)).toEqual(all(slugs, 410));
      await auth.accounts.enableAccount({ accountId }, wait);
      expect(await scan(slugs)).toEqual(all(slugs, 302));
    }
  });

  it("are handed over by a job if the call that decided it did not live to do so", async () => {
    const { accountId, slugs } = await newCodes(1);
    // What the transaction of DisableAccount leaves behind.
    await sql`
      insert into auth.takedowns (account_id, code_id, taken_down, changed_at)
      values (${accountId}, '', true, now() - interval '3 seconds')`;
    await eventually(
      () => scan(slugs),
      (statuses) => statuses.every((status) => status === 410),
    );
    const confirmed = async () => (await sql`select confirmed from auth.takedowns where account_id = ${accountId}`)[0];
    await eventually(confirmed, (row) => row?.confirmed === "1");
  });
});

describe("a code that the operator took down", () => {
  let account: Awaited<ReturnType<typeof newCodes>>;
  let slugs: string[];
  beforeAll(async () => {
    account = await newCodes(3);
    slugs = account.slugs;
    const request = { idsOrSlugs: [...slugs, "no-such-code"], reason: "phishing", actor: { name: "operator:eve" } };
    const { unknown, propagation } = await auth.takedowns.takeDownQrCodes(request, wait);
    expect(unknown).toEqual(["no-such-code"]);
    expect(propagation).toMatchObject({ acknowledgedCount: edges.length });
  });

  it("is gone on every edge once the call has returned, and says that the operator did it", async () => {
    expect(await scan(slugs)).toEqual(all(slugs, 410));
    expect((await call(`${edges[1]}/${slugs[0]}`)).text).toContain("The operator of this service has switched it off");
  });

  it("cannot be changed, archived or restored by its owner, who learns why", async () => {
    const [slug = ""] = slugs;
    const { id, taken_down, status } = (await call(`${edges[0]}/v1/qr-codes/${slug}`, { key: account.key })).body.data;
    expect({ taken_down, status }).toEqual({ taken_down: true, status: "archived" });
    const changes = [
      { status: "active" },
      { status: "archived" },
      { name: "Other" },
      { status: "active", redirect_url: "https://example.org/" },
      { style: { caption: "x" } },
    ];
    for (const change of changes) {
      const answer = await patch(account.key, id, change);
      expect([answer.status, answer.body.code]).toEqual([403, "forbidden"]);
      expect(answer.body.message).toMatch(/^The operator of this service took this code down.* Write to /);
    }
    const image = await call(`${edges[0]}/v1/qr-codes/${slug}/image`, { key: account.key });
    expect(image.body).toMatchObject({
      code: "resource_archived",
      message: expect.stringMatching(/^The operator .* Write to /),
    });
    expect(await scan([slug])).toEqual(all([slug], 410));
  });

  it("keeps its slug: nobody can have it", async () => {
    for (const { key } of [account, await auth.newAccount()]) {
      const body = { name: "Menu", redirect_url: "https://example.org/", slug: slugs[0] };
      expect((await call(`${edges[0]}/v1/qr-codes`, { key, body })).status).toBe(409);
    }
  });

  it("is in the audit trail of its account, once for each change", async () => {
    const again = { idsOrSlugs: slugs, reason: "phishing", actor: { name: "operator:eve" } };
    await auth.takedowns.takeDownQrCodes(again, wait);
    // Without a reason, the first one stays.
    await auth.takedowns.takeDownQrCodes({ ...again, reason: "" }, wait);
    const { entries } = await audit.client.listAuditEntries({ accountId: account.accountId, pageSize: 100 }, wait);
    const acts = entries.filter(({ action }) => action === "code.archive");
    expect(acts.map(({ details }) => JSON.parse(details).slug).sort()).toEqual([...slugs].sort());
    expect(acts[0]).toMatchObject({ actor: "operator:eve" });
    expect(JSON.parse(acts[0]?.details ?? "")).toMatchObject({ reason: "phishing" });
  });

  it("is put back in the status that it had: what its owner had archived stays archived", async () => {
    const { key, slugs: own } = await newCodes(2);
    const [active = "", archived = ""] = own;
    const { id } = (await call(`${edges[0]}/v1/qr-codes/${archived}`, { key })).body.data;
    expect((await patch(key, id, { status: "archived" })).status).toBe(200);
    await auth.takedowns.takeDownQrCodes({ idsOrSlugs: own }, wait);
    expect(await scan(own)).toEqual(all(own, 410));
    // By id, and by a slug in other letters.
    await auth.takedowns.putBackQrCodes({ idsOrSlugs: [active.toUpperCase(), id] }, wait);
    expect(await scan([active])).toEqual(all([active], 302));
    expect(await scan([archived])).toEqual(all([archived], 410));
    expect((await patch(key, id, { status: "active" })).body.data).toMatchObject({
      taken_down: false,
      status: "active",
    });
    expect(await scan([archived])).toEqual(all([archived], 302));
  });

  it("is not counted as active while it is taken down, and is again once it is put back", async () => {
    const { accountId, slugs: own } = await newCodes(2);
    const count = async () =>
      (await sql`select active from qr.code_counts where account_id = ${accountId}`)[0]?.active as string;
    expect(await count()).toBe("2");
    for (const _ of [1, 2]) await auth.takedowns.takeDownQrCodes({ idsOrSlugs: own }, wait);
    expect(await count()).toBe("0");
    for (const _ of [1, 2]) await auth.takedowns.putBackQrCodes({ idsOrSlugs: own.slice(0, 1) }, wait);
    expect(await count()).toBe("1");
  });

  it("is left alone by a put back if it was never taken down", async () => {
    const { key, slugs: own, accountId } = await newCodes(1);
    const read = async () => (await call(`${edges[0]}/v1/qr-codes/${own[0]}`, { key })).body.data;
    const before = await read();
    await auth.takedowns.putBackQrCodes({ idsOrSlugs: own }, wait);
    expect(await read()).toMatchObject({ status: "active", updated_at: before.updated_at });
    const { entries } = await audit.client.listAuditEntries({ accountId, pageSize: 100 }, wait);
    expect(entries.map(({ action }) => action)).not.toContain("code.restore");
  });
});
