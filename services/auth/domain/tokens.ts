import { createHash, randomBytes } from "node:crypto";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import type { Clock } from "../../../platform/process/clock.ts";

/** What is stored of a session. */
export interface NewSession {
  tokenHash: Buffer;
  expiresAt: Date;
}

/** Returns a secret of 256 random bits as 43 characters of base64url, for a cookie or a link. */
export function newToken(): string {
  return randomBytes(32).toString("base64url");
}

/** Returns the SHA-256 of a text: what is stored in place of a token. */
export function sha256(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}

/** Returns a new session that lasts `sessionMs`: its token, and what is stored of it. */
export function newSession(clock: Clock, sessionMs: number): { token: string; session: NewSession } {
  const token = newToken();
  return { token, session: { tokenHash: sha256(token), expiresAt: new Date(clock.now() + sessionMs) } };
}

/** Returns a new session as the protos show it. */
export function toSession(token: string, accountId: string, { expiresAt }: NewSession) {
  return { token, accountId, expireTime: timestampFromDate(expiresAt) };
}
