import { createRequire } from "node:module";
import path from "node:path";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { credentials, loadPackageDefinition } from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import { protoPath } from "grpc-health-check";
import { afterAll, describe, expect, inject, it } from "vitest";
import { ErrorInfoSchema } from "../../gen/google/rpc/error_details_pb.ts";
import { AccountService, Plan } from "../../gen/qrforge/auth/v1/account_pb.ts";
import { KeyService, KeyVerdict } from "../../gen/qrforge/auth/v1/key_pb.ts";
import { runProgram } from "../support/run.ts";

const { auths, quotas, qrs } = inject("cluster");
const require = createRequire(import.meta.url);
const services = [
  {
    address: auths[0] as string,
    names: [
      "qrforge.auth.v1.AccountService",
      "qrforge.auth.v1.AuditService",
      "qrforge.auth.v1.InvitationService",
      "qrforge.auth.v1.KeyService",
      "qrforge.auth.v1.MailLinkService",
      "qrforge.auth.v1.SessionService",
      "qrforge.auth.v1.TakedownService",
      "qrforge.common.v1.LeaseService",
    ],
  },
  { address: quotas[0] as string, names: ["qrforge.quota.v1.QuotaService"] },
  {
    address: qrs[0] as string,
    names: [
      "qrforge.common.v1.LeaseService",
      "qrforge.qr.v1.ProjectService",
      "qrforge.qr.v1.QrCodeService",
      "qrforge.qr.v1.ScanService",
      "qrforge.qr.v1.SymbolService",
      "qrforge.qr.v1.TakedownService",
    ],
  },
];

// biome-ignore lint/suspicious/noExplicitAny: clients made at run time have no types
function dynamicClient(proto: string, pick: (root: any) => any, address: string): any {
  const client = new (pick(loadPackageDefinition(loadSync(proto))))(address, credentials.createInsecure());
  afterAll(() => client.close());
  return client;
}

describe("each service", () => {
  for (const { address, names } of services) {
    it(`answers grpc.health.v1 for ${names.join(" and ")}`, async () => {
      const health = dynamicClient(protoPath, (root) => root.grpc.health.v1.Health, address);
      for (const service of ["", ...names]) {
        const answer = await new Promise<{ status: string }>((resolve, reject) =>
          health.check({ service }, (error: Error, value: { status: string }) =>
            error ? reject(error) : resolve(value),
          ),
        );
        expect([service, answer.status]).toEqual([service, 1]);
      }
    });

    it(`answers reflection for ${names.join(" and ")}`, async () => {
      const folder = path.join(path.dirname(require.resolve("@grpc/reflection")), "..");
      const proto = path.join(folder, "proto/grpc/reflection/v1/reflection.proto");
      const reflection = dynamicClient(proto, (root) => root.grpc.reflection.v1.ServerReflection, address);
      const stream = reflection.ServerReflectionInfo();
      const next = () => new Promise<Record<string, never>>((resolve) => stream.once("data", resolve));
      stream.write({ listServices: "" });
      const listed = (await next()) as unknown as { listServicesResponse: { service: { name: string }[] } };
      const all = ["grpc.health.v1.Health", ...names];
      expect(listed.listServicesResponse.service.map(({ name }) => name).sort()).toEqual(all);
      for (const fileContainingSymbol of [...all, "google.rpc.ErrorInfo", "google.rpc.Status"]) {
        stream.write({ fileContainingSymbol });
        const found = (await next()) as unknown as { fileDescriptorResponse?: { fileDescriptorProto: Buffer[] } };
        expect(found.fileDescriptorResponse?.fileDescriptorProto.length).toBeGreaterThan(0);
      }
      stream.end();
    });

    it(`can be called with grpcurl, where that is installed (${names[0]})`, async ({ skip }) => {
      const { code, output } = await runProgram("grpcurl", ["-plaintext", address, "list"]);
      if (code !== 0 && /ENOENT|EACCES/.test(output)) return skip("grpcurl is not installed");
      expect(output.trim().split("\n")).toEqual(expect.arrayContaining(names));
    });
  }
});

describe("an independent client", () => {
  const transport = createGrpcTransport({ baseUrl: `http://${auths[0]}` });
  const accounts = createClient(AccountService, transport);
  const keys = createClient(KeyService, transport);

  it("creates an account and a key, and resolves it, over gRPC", async () => {
    const email = `connect-${Date.now()}@qrforge.example`;
    const { account } = await accounts.createAccount({ email, plan: Plan.FREE });
    expect(account).toMatchObject({ email, plan: Plan.FREE, limits: { perMinute: 60n, perDay: 1_000n } });
    const { secret, key } = await keys.createKey({ accountId: account?.accountId ?? "", name: "k" });
    expect(secret).toMatch(/^api_live_[0-9A-Za-z]{32}$/);
    expect(key).toMatchObject({ prefix: secret.slice(0, 13), last4: secret.slice(-4) });
    const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", Buffer.from(secret)));
    const { resolutions } = await keys.batchResolveKeys({ keyHashes: [hash, new Uint8Array(32)] });
    expect(resolutions.map(({ verdict }) => verdict)).toEqual([KeyVerdict.ACTIVE, KeyVerdict.UNKNOWN]);
  });

  it("reads the reason of an error from its ErrorInfo", async () => {
    const failure = await keys.revokeKey({ keyId: "nope" }).then(
      () => undefined,
      (error) => ConnectError.from(error),
    );
    expect(failure?.code).toBe(Code.NotFound);
    expect(failure?.findDetails(ErrorInfoSchema)).toMatchObject([{ reason: "NOT_FOUND", domain: "qrforge" }]);
  });
});
