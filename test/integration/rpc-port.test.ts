import { once } from "node:events";
import { connect } from "node:http2";
import { fromBinary } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createGrpcTransport, createGrpcWebTransport } from "@connectrpc/connect-node";
import { afterAll, describe, expect, inject, it } from "vitest";
import { BadRequestSchema, ErrorInfoSchema, RetryInfoSchema } from "../../gen/google/rpc/error_details_pb.ts";
import { Health, HealthCheckResponse_ServingStatus } from "../../gen/grpc/health/v1/health_pb.ts";
import { ServerReflection } from "../../gen/grpc/reflection/v1/reflection_pb.ts";
import { ServerReflection as ServerReflectionAlpha } from "../../gen/grpc/reflection/v1alpha/reflection_pb.ts";
import { ApiService } from "../../gen/qrforge/api/v1/api_pb.ts";
import { Plan } from "../../gen/qrforge/auth/v1/account_pb.ts";
import { openAuth } from "../support/api.ts";
import { readCaseFile } from "../support/cases.ts";

const { edges, rpcs, auths } = inject("cluster");
const transport = createGrpcTransport({ baseUrl: `http://${rpcs[0]}` });
const auth = openAuth(auths);
afterAll(() => auth.close());

async function failureOf(work: Promise<unknown>): Promise<ConnectError> {
  const error = await work.then(
    () => undefined,
    (cause) => ConnectError.from(cause),
  );
  if (!error) throw new Error("it did not fail");
  return error;
}
const reasonsOf = (error: ConnectError) => error.findDetails(ErrorInfoSchema).map(({ reason }) => reason);

describe("a refusal over gRPC has what the protocol asks for", () => {
  const { paths } = readCaseFile<{ paths: string[] }>("unknown-methods");

  it.each(paths)("status 12 for a method that is not there: %s", async (path) => {
    const session = connect(`http://${rpcs[0]}`);
    const headers = { ":method": "POST", ":path": path, "content-type": "application/grpc", te: "trailers" };
    const stream = session.request(headers);
    const [answer] = await once(stream.end(Buffer.alloc(5)), "response");
    expect([answer[":status"], answer["grpc-status"], answer["content-type"]]).toEqual([200, "12", "application/grpc"]);
    expect(answer["grpc-status-details-bin"]).toBeDefined();
    session.destroy();
  });

  it("an ErrorInfo for a message that is too large, which is not taken for quota", async () => {
    const { key } = await auth.newAccount();
    for (const one of [transport, createGrpcWebTransport({ baseUrl: edges[0] ?? "", httpVersion: "1.1" })]) {
      const client = createClient(ApiService, one);
      const name = "x".repeat(70_000);
      const failed = await failureOf(
        client.createQrCode({ name, redirectUrl: "x" }, { headers: { "x-api-key": key } }),
      );
      expect([failed.code, reasonsOf(failed)]).toEqual([Code.InvalidArgument, ["PAYLOAD_TOO_LARGE"]]);
    }
  });

  it("when to try again, for spent quota", async () => {
    const client = createClient(ApiService, transport);
    for (const [limits, max, reason] of [
      [{ perMinute: 1n, perDay: 0n }, 60, "RATE_LIMIT_MINUTE"],
      [{ perMinute: 0n, perDay: 1n }, 86_400, "RATE_LIMIT_DAY"],
    ] as const) {
      const { key } = await auth.newAccount(Plan.ENTERPRISE, limits);
      const headers = { "x-api-key": key };
      // A minute may end between two calls.
      await client.getUsage({}, { headers }).catch(() => {});
      const failed = await failureOf(client.getUsage({}, { headers }).then(() => client.getUsage({}, { headers })));
      expect([failed.code, reasonsOf(failed)]).toEqual([Code.ResourceExhausted, [reason]]);
      const [retry] = failed.findDetails(RetryInfoSchema);
      const seconds = Number(retry?.retryDelay?.seconds);
      expect(seconds).toBeGreaterThanOrEqual(0);
      expect(seconds).toBeLessThanOrEqual(max);
      expect(failed.metadata.get("retry-after")).toBe(String(seconds));
      expect(failed.findDetails(BadRequestSchema)).toEqual([]);
    }
  });
});

describe("the edge's gRPC port says about itself, without a key", () => {
  it("that it serves, and that it does not know a service", async () => {
    const client = createClient(Health, transport);
    for (const service of ["", "qrforge.api.v1.ApiService"]) {
      expect((await client.check({ service })).status).toBe(HealthCheckResponse_ServingStatus.SERVING);
    }
    expect((await failureOf(client.check({ service: "qrforge.api.v2.ApiService" }))).code).toBe(Code.NotFound);
  });

  it.each([ServerReflection, ServerReflectionAlpha])(
    "by $typeName what it serves and how its errors look",
    async (service) => {
      const client = createClient(service as typeof ServerReflection, transport);
      async function* questions() {
        yield { messageRequest: { case: "listServices", value: "" } as const };
        for (const value of [
          "qrforge.api.v1.ApiService",
          "qrforge.api.v1.ApiService.GetUsage",
          "qrforge.api.v1.QrCode",
          "grpc.health.v1.Health",
          "google.rpc.ErrorInfo",
          "google.rpc.Status",
          "google.protobuf.Timestamp",
        ]) {
          yield { messageRequest: { case: "fileContainingSymbol", value } as const };
        }
        yield { messageRequest: { case: "fileByFilename", value: "google/rpc/error_details.proto" } as const };
        yield { messageRequest: { case: "fileContainingSymbol", value: "qrforge.auth.v1.KeyService" } as const };
      }
      const answers: unknown[] = [];
      for await (const { messageResponse } of client.serverReflectionInfo(questions())) {
        if (messageResponse.case === "listServicesResponse") {
          answers.push(messageResponse.value.service.map(({ name }) => name));
        } else if (messageResponse.case === "fileDescriptorResponse") {
          const [first = new Uint8Array()] = messageResponse.value.fileDescriptorProto;
          answers.push(fromBinary(FileDescriptorProtoSchema, first).name);
        } else answers.push(messageResponse.case);
      }
      const api = "qrforge/api/v1/api.proto";
      expect(answers).toEqual([
        ["qrforge.api.v1.ApiService", "grpc.health.v1.Health"],
        ...[api, api, api, "grpc/health/v1/health.proto", "google/rpc/error_details.proto", "google/rpc/status.proto"],
        "google/protobuf/timestamp.proto",
        "google/rpc/error_details.proto",
        "errorResponse",
      ]);
    },
  );
});
