import { hash } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import { isApiKey } from "../../../contracts/api-key.ts";
import { ServiceError } from "../../../platform/errors.ts";

/**
 * Returns the key of a request, from `x-api-key` or a bearer token. Fails with UNAUTHORIZED if there is none, if the
 * two differ, or if it is malformed, which is checked without a look-up.
 */
export function readKey(headers: IncomingHttpHeaders): string {
  const fromHeader = headers["x-api-key"];
  const bearer = /^Bearer +(\S+) *$/i.exec(headers.authorization ?? "")?.[1];
  const key = typeof fromHeader === "string" ? fromHeader.trim() : bearer;
  if (key === undefined) {
    throw new ServiceError("UNAUTHORIZED", "No API key was sent. Send it in the header x-api-key.");
  }
  if (bearer !== undefined && bearer !== key) {
    throw new ServiceError("UNAUTHORIZED", "x-api-key and Authorization carry different keys. Send one.");
  }
  if (!isApiKey(key)) {
    throw new ServiceError(
      "UNAUTHORIZED",
      "The API key is malformed: api_live_ and 32 letters and digits. Check for typos.",
    );
  }
  return key;
}

/** Returns the SHA-256 of a key in hex, by which it is looked up, so that the key itself never leaves the edge. */
export function hashKey(key: string): string {
  return hash("sha256", key, "hex");
}
