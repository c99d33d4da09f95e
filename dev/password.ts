import { randomBytes } from "node:crypto";

/** Returns a new password of a server that the launcher runs. */
export function newPassword(): string {
  return randomBytes(24).toString("hex");
}
