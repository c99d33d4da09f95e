import { AccountService, Plan } from "../gen/qrforge/auth/v1/account_pb.ts";
import { KeyService } from "../gen/qrforge/auth/v1/key_pb.ts";
import { createRpcClient } from "../platform/rpc/client.ts";

const wait = { deadlineMs: 10_000 };

/** The account to play with: with its key if it was made just now, without if there are accounts already. */
export type Demo = { accountId: string; email: string; key: string } | { accountId: string; email: string };

/** Makes a demo account with a key if the suite has no account yet. */
export async function ensureDemo(authAddress: string): Promise<Demo> {
  const accounts = createRpcClient(AccountService, { address: authAddress });
  const keys = createRpcClient(KeyService, { address: authAddress });
  try {
    const { accounts: existing } = await accounts.client.listAccounts({ pageSize: 1 }, wait);
    if (existing[0]) return existing[0];
    const { account } = await accounts.client.createAccount(
      {
        email: "demo@qrforge.example",
        plan: Plan.ENTERPRISE,
        limits: { perMinute: 600n, perDay: 50_000n },
      },
      wait,
    );
    if (!account) throw new Error("auth answered without an account");
    const { secret } = await keys.client.createKey({ accountId: account.accountId, name: "demo" }, wait);
    return { ...account, key: secret };
  } finally {
    accounts.close();
    keys.close();
  }
}
