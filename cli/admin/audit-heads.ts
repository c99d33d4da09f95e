/** The key that signs heads of the audit trail, and the heads that it signed. */
import { createPublicKey, generateKeyPairSync, type KeyObject } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { isSignedBy, parseAuditHead, type SignedAuditHead, signingKeyId } from "../../platform/audit-head.ts";
import { defineCommand } from "../command.ts";
import { UsageError, UserError } from "../errors.ts";

export const auditKeyCommand = defineCommand({
  name: "audit key",
  summary: "Makes the key pair with which auth signs a head of the audit trail daily.",
  details: `The private key is written to KEY_FILE, for AUDIT_SIGNING_KEY_FILE of auth; the public key to KEY_FILE.pub, for audit
verify --heads. Neither file may exist. Keep the public key and the signed heads away from the database.`,
  arguments: { file: { type: "text", value: "KEY_FILE", meaning: "file for the private key", required: true } },
  options: { json: { type: "flag", meaning: "prints one JSON object" } },
  async run({ file, json }) {
    const { publicKey, privateKey } = generateKeyPairSync("ed25519");
    const publicFile = `${file}.pub`;
    await create(file, String(privateKey.export({ type: "pkcs8", format: "pem" })), 0o600);
    await create(publicFile, String(publicKey.export({ type: "spki", format: "pem" })), 0o644);
    const id = signingKeyId(publicKey);
    const text = `Key ${id}\nPrivate key: ${file}, for AUDIT_SIGNING_KEY_FILE of auth\nPublic key: ${publicFile}, for audit verify --heads`;
    const answer = { key_id: id, private_key_file: file, public_key_file: publicFile };
    process.stdout.write(`${json ? JSON.stringify(answer) : text}\n`);
  },
});

async function create(file: string, text: string, mode: number): Promise<void> {
  await writeFile(file, text, { mode, flag: "wx" }).catch((error: NodeJS.ErrnoException) => {
    const why = error.code === "EEXIST" ? "it exists already; choose another name" : error.message;
    throw new UserError(`${file} cannot be written: ${why}.`, { cause: error });
  });
}

/** Reads the heads of a file and checks their signatures. Returns undefined if no file is given. */
export async function readHeads(values: {
  heads?: string | undefined;
  publicKey?: string | undefined;
}): Promise<SignedAuditHead[] | undefined> {
  const { heads: file, publicKey } = values;
  if (file === undefined && publicKey === undefined) return undefined;
  if (file === undefined || publicKey === undefined) {
    throw new UsageError("--heads and --public-key belong together: give both or neither.");
  }
  const keys = parsePublicKeys(publicKey, await read(publicKey));
  const lines = (await read(file)).split("\n");
  const heads = lines.flatMap((line, index) =>
    line.trim() === "" ? [] : [checkLine(line, `Line ${index + 1} of ${file}`, keys)],
  );
  if (heads.length === 0) throw new UserError(`${file} has no signed head.`);
  return heads;
}

function checkLine(line: string, where: string, keys: Map<string, KeyObject>): SignedAuditHead {
  const head = parseAuditHead(line);
  if (!head) throw new UserError(`${where} is no signed head.`);
  const key = keys.get(head.key_id);
  if (!key) throw new UserError(`${where} was signed with the key ${head.key_id}, whose public key was not given.`);
  if (!isSignedBy(head, key)) throw new UserError(`${where} was altered: its signature does not fit.`);
  return head;
}

/** Returns the Ed25519 keys of a file by their ids; a file may hold several, one after the other. */
function parsePublicKeys(file: string, text: string): Map<string, KeyObject> {
  const blocks = text.match(/-----BEGIN PUBLIC KEY-----.*?-----END PUBLIC KEY-----/gs) ?? [];
  try {
    const keys = blocks.map((block) => createPublicKey(block));
    if (keys.length > 0 && keys.every((key) => key.asymmetricKeyType === "ed25519")) {
      return new Map(keys.map((key) => [signingKeyId(key), key]));
    }
  } catch {}
  throw new UserError(`${file} has no Ed25519 public key in PEM. audit key makes a pair.`);
}

const read = (file: string) =>
  readFile(file, "utf8").catch((error) => {
    throw new UserError(`${file} cannot be read: ${error.message}`, { cause: error });
  });
