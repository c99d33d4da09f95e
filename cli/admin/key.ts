import { type Key, KeyStatus } from "../../gen/qrforge/auth/v1/key_pb.ts";
import { type Column, card, shortTime, table } from "../table.ts";
import {
  type Answer,
  accountInput,
  adminCommand,
  checkId,
  describePropagation,
  findAccountId,
  isoTime,
  listOptions,
  nameOf,
  propagationJson,
  readPages,
  wait,
} from "./context.ts";

const keyArgument = {
  keyId: { type: "text", value: "KEY_ID", meaning: "the key's id, not the key itself", required: true, check: checkId },
} as const;

const accountOption = { account: accountInput };

function keyJson(key: Key | undefined) {
  if (!key) throw new Error("auth answered without a key");
  return {
    key_id: key.keyId,
    account_id: key.accountId,
    name: key.name,
    key: `${key.prefix}…${key.last4}`,
    status: nameOf(KeyStatus, key.status),
    created_at: isoTime(key.createTime),
    created_by: key.createdBy,
    last_used_at: isoTime(key.lastUseTime),
    age_days: key.ageDays,
    rotate_suggested_at: isoTime(key.rotateSuggestTime),
    rotate_after: isoTime(key.rotateAfterTime),
    ended_at: isoTime(key.endTime),
    ended_by: key.endedBy,
    replaced_by: key.replacedBy,
  };
}

type KeyJson = ReturnType<typeof keyJson>;

const columns: Column<KeyJson>[] = [
  { title: "KEY_ID", of: (key) => key.key_id },
  { title: "NAME", of: (key) => key.name, shrinks: true },
  { title: "ENDS IN", of: (key) => key.key.slice(-4) },
  { title: "STATUS", of: (key) => key.status },
  { title: "LAST USED", of: (key) => shortTime(key.last_used_at) || "never" },
];

function keyCard(key: KeyJson): string {
  return card({
    ...key,
    created_at: shortTime(key.created_at),
    last_used_at: shortTime(key.last_used_at) || "never",
    rotate_suggested_at: shortTime(key.rotate_suggested_at),
    rotate_after: shortTime(key.rotate_after),
    ended_at: shortTime(key.ended_at),
  });
}

function secretAnswer(key: Key | undefined, secret: string): Answer {
  const json = keyJson(key);
  return {
    json: { key: json, secret },
    text: `${keyCard(json)}\n\n${secret}\n\nKeep it now: it is shown this once.`,
  };
}

export const keyCommands = [
  adminCommand({
    name: "key create",
    summary: "Creates an API key and prints it, once.",
    options: {
      ...accountOption,
      name: { type: "text", value: "NAME", meaning: "what to call it, 1 to 100 characters", required: true },
    },
    async run({ account, name }, { accounts, keys, actor }) {
      const accountId = await findAccountId(account, { accounts });
      const { key, secret } = await keys.createKey({ accountId, name, actor }, wait);
      return secretAnswer(key, secret);
    },
  }),
  adminCommand({
    name: "key list",
    summary: "Lists the keys of an account, newest first, the rotated and revoked ones included.",
    options: { ...accountOption, ...listOptions },
    async run(values, { accounts, keys }) {
      const accountId = await findAccountId(values.account, { accounts });
      // An account that does not exist would look like one without keys.
      await accounts.getAccount({ accountId }, wait);
      const { rows, more, note } = await readPages(values, async (pageToken, pageSize) => {
        const page = await keys.listKeys({ accountId, pageSize, pageToken }, wait);
        return { rows: page.keys.map(keyJson), nextPageToken: page.nextPageToken };
      });
      return { json: { keys: rows, more }, text: table(columns, rows), note };
    },
  }),
  adminCommand({
    name: "key rotate",
    summary: "Replaces a key by a new one and prints it, once; the old key is dead on every edge when it returns.",
    arguments: keyArgument,
    async run({ keyId }, { keys, actor }) {
      const answer = await keys.rotateKey({ keyId, actor }, wait);
      const { json, text } = secretAnswer(answer.key, answer.secret);
      return {
        json: { ...json, propagation: propagationJson(answer) },
        text: `${text}\n\n${describePropagation(answer)}`,
      };
    },
  }),
  adminCommand({
    name: "key revoke",
    summary: "Revokes a key for good; it is dead on every edge when this returns.",
    arguments: keyArgument,
    async run({ keyId }, { keys, actor }) {
      const answer = await keys.revokeKey({ keyId, actor }, wait);
      const json = keyJson(answer.key);
      return {
        json: { key: json, propagation: propagationJson(answer) },
        text: `${keyCard(json)}\n\n${describePropagation(answer)}`,
      };
    },
  }),
];
