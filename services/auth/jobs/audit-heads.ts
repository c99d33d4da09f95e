import type { KeyObject } from "node:crypto";
import { appendFile } from "node:fs/promises";
import { type SignedAuditHead, signAuditHead } from "../../../platform/audit-head.ts";
import { ConfigError } from "../../../platform/process/config.ts";
import type { Logger } from "../../../platform/telemetry/log.ts";
import type { AuditStore } from "../store/audit.ts";

/** Where a signed head is written. */
export type HeadWriter = (head: SignedAuditHead) => Promise<void>;

/**
 * Returns what appends heads to a file, a line of JSON each, or logs them in the field `auditHead` if there is no file. Throws
 * a ConfigError if the file cannot be written, or would stay empty as there is no key.
 */
export async function openHeadWriter(
  config: { auditSigningKey: KeyObject | undefined; auditHeadsFile: string },
  log: Pick<Logger, "info">,
): Promise<HeadWriter> {
  const file = config.auditHeadsFile;
  if (!file) return async (auditHead) => log.info({ auditHead }, "signed the head of the audit trail");
  if (!config.auditSigningKey) throw new ConfigError(["AUDIT_HEADS_FILE is set without AUDIT_SIGNING_KEY: set both"]);
  const append = (text: string) => appendFile(file, text, { mode: 0o600, flush: true });
  await append("").catch((error) => {
    throw new ConfigError([`AUDIT_HEADS_FILE cannot be written: ${error.message}`]);
  });
  return (head) => append(`${JSON.stringify(head)}\n`);
}

/**
 * Returns a function that signs and writes the head of the audit trail if that was not done today (UTC), by any replica. A
 * replica that fails in between is followed by another in five minutes, so a head may be written twice, and none is left out.
 */
export function createHeadSigner({
  store,
  key,
  write,
}: {
  store: Pick<AuditStore, "claimHead" | "recordHead">;
  key: KeyObject;
  write: HeadWriter;
}): () => Promise<void> {
  return async () => {
    const claim = await store.claimHead();
    if (!claim) return;
    const { day, time, count, hash } = claim;
    await write(signAuditHead({ time: time.toISOString(), count, hash: hash.toString("hex") }, key));
    await store.recordHead(day);
  };
}
