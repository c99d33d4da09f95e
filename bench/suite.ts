import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { root } from "../cli/settings.ts";
import { type Suite, type SuiteOptions, startSuite } from "../cli/suite.ts";
import { AccountService, Plan } from "../gen/qrforge/auth/v1/account_pb.ts";
import { KeyService } from "../gen/qrforge/auth/v1/key_pb.ts";
import { createRpcClient } from "../platform/rpc/client.ts";

const wait = { deadlineMs: 10_000 };

/** A suite of its own for one measurement; `work` is done in it and it is removed again. */
export async function withSuite(options: Partial<SuiteOptions>, work: (suite: Suite) => Promise<void>): Promise<void> {
  const dataDir = await mkdtemp(path.join(tmpdir(), "qrforge-bench-"));
  const suite = await startSuite({
    dataDir,
    toolsDir: path.join(root, ".qrforge", "tools"),
    port: 0,
    replicas: { edge: 1, auth: 1, quota: 1, qr: 1 },
    databaseUrl: "",
    natsUrl: "",
    restart: false,
    tell: () => {},
    ...options,
  });
  try {
    await work(suite);
  } finally {
    await suite.stop();
    await rm(dataDir, { recursive: true, force: true });
  }
}

/** A new account without limits, and a key of it. */
export async function newUnlimitedKey(suite: Suite): Promise<string> {
  const address = suite
    .members("auth")
    .map((member) => member.address)
    .join(",");
  const accounts = createRpcClient(AccountService, { address });
  const keys = createRpcClient(KeyService, { address });
  const email = `bench-${Date.now()}@qrforge.example`;
  const { account } = await accounts.client.createAccount({ email, plan: Plan.ENTERPRISE }, wait);
  const { secret } = await keys.client.createKey({ accountId: account?.accountId ?? "", name: "bench" }, wait);
  accounts.close();
  keys.close();
  return secret;
}
