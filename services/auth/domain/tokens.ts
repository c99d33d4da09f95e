import { createHash } from "node:crypto";

/** What is stored of a session or of a sign-in link. */
export interface NewSession {
  tokenHash: Buffer;
  /** Duration from the moment it is stored, by the database's clock. */
  lifetimeMs: number;
}

/** Returns the SHA-256 of a text: what is stored in place of a token. */
export function sha256(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}

/** Returns a session that lasts `lifetimeMs`: its token, and what is stored of it. */
export function newSession(token: string, lifetimeMs: number): { token: string; session: NewSession } {
  return { token, session: { tokenHash: sha256(token), lifetimeMs } };
}
