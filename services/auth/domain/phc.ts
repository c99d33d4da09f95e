/** Cost of an Argon2id hash: memory in KiB, passes over it, lanes. */
export interface Argon2Cost {
  memory: number;
  passes: number;
  parallelism: number;
}

/** A hashed password, as a PHC string holds it: https://github.com/P-H-C/phc-string-format */
export interface HashedPassword {
  cost: Argon2Cost;
  salt: Buffer;
  tag: Buffer;
}

const pattern = /^\$argon2id\$v=19\$m=(\d+),t=(\d+),p=(\d+)\$([^$]+)\$([^$]+)$/;

/** Returns a hashed password as a PHC string. */
export function formatPhc({ cost, salt, tag }: HashedPassword): string {
  const base64 = (bytes: Buffer) => bytes.toString("base64").replace(/=+$/, "");
  return `$argon2id$v=19$m=${cost.memory},t=${cost.passes},p=${cost.parallelism}$${base64(salt)}$${base64(tag)}`;
}

/** Returns what a PHC string holds; undefined if it is not one of Argon2id. */
export function parsePhc(text: string): HashedPassword | undefined {
  const match = pattern.exec(text);
  if (!match) return undefined;
  const [, memory = "", passes = "", parallelism = "", salt = "", tag = ""] = match;
  return {
    cost: { memory: Number(memory), passes: Number(passes), parallelism: Number(parallelism) },
    salt: Buffer.from(salt, "base64"),
    tag: Buffer.from(tag, "base64"),
  };
}
