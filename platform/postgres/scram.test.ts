import { createHash, createHmac } from "node:crypto";
import { expect, it } from "vitest";
import { scramVerifier } from "./scram.ts";

it("a SCRAM verifier lets in the client of RFC 7677's example, and signs as its server", async () => {
  const verifier = await scramVerifier("pencil", Buffer.from("W22ZaJ0SNY7soEsUEjb6gQ==", "base64"));
  const [, iterations, salt, stored = "", server = ""] =
    /^SCRAM-SHA-256\$(\d+):([^$]+)\$([^:]+):(.+)$/.exec(verifier) ?? [];
  expect([iterations, salt]).toEqual(["4096", "W22ZaJ0SNY7soEsUEjb6gQ=="]);
  const nonce = "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
  const message = `n=user,r=rOprNGfwEbeRWgbNEkqO,${nonce},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,c=biws,${nonce}`;
  const sign = (key: string) => createHmac("sha256", Buffer.from(key, "base64")).update(message).digest();
  expect(sign(server).toString("base64")).toBe("6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
  // The client's proof, with its signature taken off, is the key whose hash the server stores.
  const proof = Buffer.from("dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=", "base64");
  const signature = sign(stored);
  const clientKey = proof.map((byte, index) => byte ^ (signature[index] ?? 0));
  expect(createHash("sha256").update(clientKey).digest("base64")).toBe(stored);
});

it("two verifiers of one password differ, and hold nothing of it", async () => {
  const [one, other] = [await scramVerifier("pencil"), await scramVerifier("pencil")];
  expect(one).not.toBe(other);
  expect(one).not.toContain("pencil");
});
