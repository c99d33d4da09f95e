import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { AccountService, Plan } from "../gen/qrforge/auth/v1/account_pb.ts";
import { KeyService } from "../gen/qrforge/auth/v1/key_pb.ts";
import { SessionService } from "../gen/qrforge/auth/v1/session_pb.ts";
import { createRpcClient } from "../platform/rpc/client.ts";

const wait = { timeoutMs: 10_000 };
const actor = { name: "operator:npm start", address: "" };

/** The demo account, with its key if it was just created. */
export interface Demo {
  accountId: string;
  email: string;
  key?: string;
  /** Sign-in links, each valid once: one for this machine and one for a phone. */
  token: string;
  phoneToken: string;
}

/**
 * Creates a demo account with a key if the cluster has no account yet, and records it in the data directory; else returns the one
 * that was recorded. Returns undefined if other accounts exist and none was recorded.
 */
export async function ensureDemo(authAddress: string, dataDir: string): Promise<Demo | undefined> {
  const note = path.join(dataDir, "demo.json");
  const accounts = createRpcClient(AccountService, { address: authAddress });
  const keys = createRpcClient(KeyService, { address: authAddress });
  const sessions = createRpcClient(SessionService, { address: authAddress });
  const newToken = async (accountId: string) =>
    (await sessions.client.createSignInLink({ accountId, actor }, wait)).token;
  const newTokens = async (accountId: string) => ({
    token: await newToken(accountId),
    phoneToken: await newToken(accountId),
  });
  try {
    const { accounts: existing } = await accounts.client.listAccounts({ pageSize: 1 }, wait);
    if (existing[0]) {
      const noted: Omit<Demo, "token" | "phoneToken"> | null = JSON.parse(
        await readFile(note, "utf8").catch(() => "null"),
      );
      return noted ? { ...noted, ...(await newTokens(noted.accountId)) } : undefined;
    }
    const { account } = await accounts.client.createAccount(
      {
        email: "demo@qrforge.example",
        plan: Plan.ENTERPRISE,
        limits: { perMinute: 600n, perDay: 50_000n },
        actor,
      },
      wait,
    );
    if (!account) throw new Error("auth answered without an account");
    const { secret } = await keys.client.createKey({ accountId: account.accountId, name: "demo", actor }, wait);
    const { accountId, email } = account;
    await writeFile(note, JSON.stringify({ accountId, email }));
    return { accountId, email, key: secret, ...(await newTokens(accountId)) };
  } finally {
    sessions.close();
    accounts.close();
    keys.close();
  }
}
