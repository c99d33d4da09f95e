import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { connect as connectTcp } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { connect } from "node:tls";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Cluster } from "../../dev/cluster.ts";
import { startEphemeralCluster } from "../../dev/ephemeral-cluster.ts";
import { AccountService, Plan } from "../../gen/qrforge/auth/v1/account_pb.ts";
import { KeyService } from "../../gen/qrforge/auth/v1/key_pb.ts";
import { TakedownService } from "../../gen/qrforge/qr/v1/takedown_pb.ts";
import { createRpcClient } from "../../platform/rpc/client.ts";
import type { TlsFiles } from "../../platform/rpc/tls.ts";
import { addressesOf } from "../support/addresses.ts";
import { call, eventually, wait } from "../support/api.ts";
import { createAuthority } from "../support/certificates.ts";
import { createMutualTls, writeTlsFiles } from "../support/tls-files.ts";

let folder: string;
let authority: Awaited<ReturnType<typeof createAuthority>>;
let cluster: Cluster;
let end: () => Promise<void>;
const files: Record<string, TlsFiles> = {};
const closes: (() => void)[] = [];

const authAllows = [
  ...["BatchResolveKeys", "BatchRecordKeyUse", "ReportLeakedKeys"].map(
    (name) => `edge:qrforge.auth.v1.KeyService/${name}`,
  ),
  "edge:qrforge.common.v1.LeaseService/*",
  "operator:*",
].join(",");

const qrAllows = [
  ...["ProjectService", "QrCodeService", "ScanService", "SymbolService"].map((name) => `edge:qrforge.qr.v1.${name}/*`),
  "edge:qrforge.common.v1.LeaseService/*",
  "auth:qrforge.qr.v1.TakedownService/*",
].join(",");

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "qrforge-tls-"));
  const mutual = await createMutualTls(folder);
  ({ authority } = mutual);
  Object.assign(files, mutual.files, { stranger: await writeTlsFiles(folder, "stranger", await createAuthority()) });
  ({ cluster, end } = await startEphemeralCluster({
    env: {
      ...mutual.env,
      auth: { ...mutual.env.auth, RPC_ALLOW: authAllows },
      qr: { ...mutual.env.qr, RPC_ALLOW: qrAllows },
    },
  }));
});
afterAll(async () => {
  for (const close of closes) close();
  await end();
  await rm(folder, { recursive: true, force: true });
});

/** The name in the certificate that a server shows. */
async function nameOf(address: string): Promise<string> {
  const [host, port] = address.split(":");
  const { tlsCertFile, tlsKeyFile, tlsCaFile } = files.operator as TlsFiles;
  const [cert, key, ca] = await Promise.all([tlsCertFile, tlsKeyFile, tlsCaFile].map((file) => readFile(file)));
  const socket = connect({ host, port: Number(port), cert, key, ca, ALPNProtocols: ["h2"] });
  await once(socket, "secureConnect");
  const name = socket.getPeerCertificate().subject.CN;
  socket.destroy();
  return String(name);
}

function clients(name: string | undefined) {
  const tls = name ? files[name] : undefined;
  const options = { address: addressesOf(cluster, "auth").join(","), ...(tls && { tls }) };
  const accounts = createRpcClient(AccountService, options);
  const keys = createRpcClient(KeyService, options);
  closes.push(accounts.close, keys.close);
  return { accounts: accounts.client, keys: keys.client };
}
const newAccount = (name: string | undefined) =>
  clients(name).accounts.createAccount({ email: `${name}-${Date.now()}@qrforge.example`, plan: Plan.PRO }, wait);

describe("with certificates", () => {
  it("an operator makes a key, and the edge serves it through all services", async () => {
    const { account } = await newAccount("operator");
    const { secret } = await clients("operator").keys.createKey(
      { accountId: account?.accountId ?? "", name: "k" },
      wait,
    );
    const edge = cluster.edgeUrls()[0];
    const body = { name: "n", redirect_url: "https://example.com/" };
    expect((await call(`${edge}/v1/qr-codes`, { key: secret, body })).status).toBe(201);
    expect((await call(`${edge}/readyz`)).status).toBe(200);
  });

  it("a client may call what its name is allowed, and nothing else", async () => {
    const asEdge = clients("edge");
    await asEdge.keys.batchResolveKeys({ keyHashes: [new Uint8Array(32)] }, wait);
    await expect(newAccount("edge")).rejects.toMatchObject({ reason: "FORBIDDEN" });
    await expect(newAccount("quota")).rejects.toMatchObject({ reason: "FORBIDDEN" });
  });

  it("auth takes down the codes of a disabled account, and the edge, which reads codes, may not", async () => {
    const { account } = await newAccount("operator");
    const accountId = account?.accountId ?? "";
    const { codePropagation } = await clients("operator").accounts.disableAccount({ accountId }, wait);
    expect(codePropagation).toMatchObject({ acknowledgedCount: 1 });
    const tls = files.edge as TlsFiles;
    const asEdge = createRpcClient(TakedownService, { address: addressesOf(cluster, "qr").join(","), tls });
    closes.push(asEdge.close);
    const takedowns = [{ subject: { case: "accountId", value: accountId } as const, takenDown: false, revision: 9n }];
    await expect(asEdge.client.setTakedowns({ takedowns }, wait)).rejects.toMatchObject({ reason: "FORBIDDEN" });
  });

  it("a renewed certificate is used without a restart", { timeout: 30_000 }, async () => {
    const own = files.auth as TlsFiles;
    const renewed = await authority.issue("auth-renewed");
    await writeFile(own.tlsKeyFile, renewed.key);
    await writeFile(own.tlsCertFile, renewed.certificate);
    const [address = ""] = addressesOf(cluster, "auth");
    await eventually(
      () => nameOf(address),
      (name) => name === "auth-renewed",
      20_000,
    );
    await clients("edge").keys.batchResolveKeys({ keyHashes: [new Uint8Array(32)] }, wait);
  });

  it("a client without a certificate, or with one of another authority, is not let in", async () => {
    const soon = { timeoutMs: 1_500 };
    for (const name of [undefined, "stranger"]) {
      const refused = clients(name).keys.batchResolveKeys({ keyHashes: [new Uint8Array(32)] }, soon);
      await expect(refused).rejects.toMatchObject({ reason: expect.stringMatching(/UNAVAILABLE|DEADLINE_EXCEEDED/) });
    }
  });

  it("connections of strangers that never finish a handshake hold nobody up", async () => {
    const [address = ""] = addressesOf(cluster, "auth");
    const [host, port] = address.split(":");
    const sockets = Array.from({ length: 500 }, (_, index) => {
      const socket = connectTcp(Number(port), host);
      // Half of them are silent, half send what is no handshake.
      if (index % 2) socket.write("GET / HTTP/1.1\r\nhost: x\r\n\r\n");
      return socket.on("error", () => {});
    });
    try {
      await clients("edge").keys.batchResolveKeys({ keyHashes: [new Uint8Array(32)] }, wait);
      expect((await call(`${cluster.edgeUrls()[0]}/readyz`)).status).toBe(200);
    } finally {
      for (const socket of sockets) socket.destroy();
    }
  });
});
