import { createHash, createHmac, pbkdf2, randomBytes } from "node:crypto";
import { promisify } from "node:util";

const derive = promisify(pbkdf2);
/** Postgres' own number of iterations. */
const iterations = 4_096;
const saltBytes = 16;

/**
 * Returns the SCRAM-SHA-256 verifier of a password in Postgres' form, `SCRAM-SHA-256$4096:SALT$STORED_KEY:SERVER_KEY`. A
 * server stores it as it is, so the password itself is never sent and never in a log of statements.
 */
export async function scramVerifier(password: string, salt: Buffer = randomBytes(saltBytes)): Promise<string> {
  const salted = await derive(password, salt, iterations, 32, "sha256");
  const keyOf = (name: string) => createHmac("sha256", salted).update(name).digest();
  const stored = createHash("sha256").update(keyOf("Client Key")).digest("base64");
  return `SCRAM-SHA-256$${iterations}:${salt.toString("base64")}$${stored}:${keyOf("Server Key").toString("base64")}`;
}
