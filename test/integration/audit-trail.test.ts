import { generateKeyPairSync } from "node:crypto";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { pino } from "pino";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { verifyTrail } from "../../cli/admin/audit-trail.ts";
import type { Admin } from "../../cli/admin/context.ts";
import { parseAuditHead, type SignedAuditHead, signAuditHead } from "../../platform/audit-head.ts";
import { newId } from "../../platform/ids.ts";
import type { Sql } from "../../platform/postgres/pool.ts";
import { type ChainedRecord, chainHash } from "../../services/auth/domain/audit.ts";
import { createAuditService } from "../../services/auth/handlers/audit.ts";
import { createHeadSigner, openHeadWriter } from "../../services/auth/jobs/audit-heads.ts";
import { createAccountStore } from "../../services/auth/store/accounts.ts";
import { createAuditStore } from "../../services/auth/store/audit.ts";
import { createOutbox } from "../../services/auth/store/outbox.ts";
import { createOwnDatabase, type OwnDatabase } from "../support/own-database.ts";

const { databaseUrl } = inject("cluster");
const log = pino({ level: "silent" });
/** A database of its own, in which the trail may be rewritten. */
let own: OwnDatabase;
let sql: Sql;
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "qrforge-audit-"));
  own = await createOwnDatabase(databaseUrl, ["auth"]);
  ({ sql } = own);
});
afterAll(async () => {
  await own.drop();
  await rm(folder, { recursive: true });
});

const { privateKey: key } = generateKeyPairSync("ed25519");
const store = () => createAuditStore(sql);

async function change(times: number): Promise<void> {
  const accounts = createAccountStore(sql, createOutbox({ isOn: false }));
  for (let time = 0; time < times; time++) {
    const accountId = newId();
    const account = { accountId, email: `${accountId}@qrforge.example`, plan: "pro" as const, perMinute: 0, perDay: 0 };
    await accounts.create({ name: "operator:ann", address: "192.0.2.7" }, account);
  }
}

/** Runs `audit verify` as the command does, against the handlers of auth. */
async function verify(anchors: { since?: string; heads?: SignedAuditHead[] } = {}) {
  const { verifyAuditTrail } = createAuditService(store()).handlers;
  const audit = { verifyAuditTrail } as unknown as Admin["audit"];
  return await verifyTrail(audit, { since: anchors.since, heads: anchors.heads });
}

/** Rewrites the trail from an entry on, as somebody could who may write to the database: every hash fits again. */
async function rewrite(from: number): Promise<void> {
  const { entries } = await store().stretch(0, 1_000, Number.MAX_SAFE_INTEGER);
  let hash = entries[from - 2]?.hash ?? Buffer.alloc(0);
  for (const entry of entries.slice(from - 1)) {
    const altered: ChainedRecord = { ...entry, actor: "operator:nobody" };
    hash = chainHash(hash, altered);
    await sql`update auth.audit set actor = ${altered.actor}, hash = ${hash} where sequence = ${entry.sequence}`;
  }
  await sql`update auth.audit_head set hash = ${hash}`;
}

/** Signs as several replicas would that run at the same time. Returns all heads that were written. */
async function sign(replicas: number): Promise<SignedAuditHead[]> {
  const auditHeadsFile = path.join(folder, "heads");
  const write = await openHeadWriter({ auditSigningKey: key, auditHeadsFile }, log);
  await Promise.all(Array.from({ length: replicas }, () => createHeadSigner({ store: store(), key, write })()));
  const lines = (await readFile(auditHeadsFile, "utf8")).split("\n").filter(Boolean);
  return lines.map((line) => parseAuditHead(line) as SignedAuditHead);
}
const nextDay = () => sql`update auth.audit_heads set day = day - 1`;

describe("the head of the audit trail", () => {
  it("is signed once a day, by one of several replicas, and not before there is an entry", async () => {
    expect(await sign(3)).toEqual([]);
    await change(3);
    const [first] = await sign(3);
    expect(first).toMatchObject({ count: 3, hash: (await verify()).head });
    await change(2);
    expect(await sign(3)).toHaveLength(1);
    await nextDay();
    const heads = await sign(3);
    expect(heads.map(({ count }) => count)).toEqual([3, 5]);
    expect(await verify({ heads })).toMatchObject({ entries: 5, heads: 2 });
  });

  it("is signed by another replica, five minutes later, if one fails in between", async () => {
    await nextDay();
    const failing = createHeadSigner({ store: store(), key, write: () => Promise.reject(new Error("disk full")) });
    await expect(failing()).rejects.toThrow("disk full");
    const before = await sign(1);
    await sql`update auth.audit_heads set claimed_at = claimed_at - interval '5 minutes' where written_at is null`;
    expect(await sign(2)).toHaveLength(before.length + 1);
  });

  it("that was kept shows a trail that was rewritten or cut so that its hashes fit", async () => {
    const { head } = await verify();
    const heads = await sign(1);
    await change(4);
    const later = (await verify()).head ?? "";
    expect(await verify({ since: head ?? "" })).toMatchObject({ entries: 9, since: 5 });
    await rewrite(7);
    expect(await verify()).toEqual({ entries: 9, head: expect.not.stringMatching(later) });
    expect(await verify({ since: head ?? "", heads })).toMatchObject({ entries: 9, since: 5, heads: heads.length });
    expect((await verify({ since: later })).fault?.problem).toContain(later);
    await rewrite(2);
    expect((await verify()).fault).toBeUndefined();
    expect((await verify({ since: head ?? "" })).fault?.problem).toContain(head);
    expect((await verify({ heads })).fault).toMatchObject({ sequence: 3 });
    await sql`delete from auth.audit where sequence > 4`;
    await sql`update auth.audit_head set sequence = 4, hash = (select hash from auth.audit where sequence = 4)`;
    expect(await verify()).toMatchObject({ entries: 4 });
    const [third] = (await store().stretch(2, 1, 3)).entries;
    const agreeing = signAuditHead({ ...(heads[0] as SignedAuditHead), hash: third?.hash.toString("hex") ?? "" }, key);
    expect((await verify({ heads: [agreeing, heads[1] as SignedAuditHead] })).fault).toMatchObject({ sequence: 5 });
  });

  it("is not asked for by a setting that cannot be met", async () => {
    const missing = { auditSigningKey: key, auditHeadsFile: path.join(folder, "none", "heads") };
    await expect(openHeadWriter(missing, log)).rejects.toThrow(/^AUDIT_HEADS_FILE cannot be written/);
    const keyless = { auditSigningKey: undefined, auditHeadsFile: path.join(folder, "heads") };
    await expect(openHeadWriter(keyless, log)).rejects.toThrow("without AUDIT_SIGNING_KEY");
  });
});
