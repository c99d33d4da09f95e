import { type Client, Code, ConnectError, createClient, type Transport } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from "@connectrpc/connect-node";
import { createConnectTransport as createBrowserTransport } from "@connectrpc/connect-web";
import { credentials, Client as GrpcClient, type ServiceError as GrpcError, Metadata } from "@grpc/grpc-js";
import { afterAll, describe, expect, inject, it } from "vitest";
import { ErrorInfoSchema } from "../../gen/google/rpc/error_details_pb.ts";
import { ApiService, GetUsageRequestSchema, GetUsageResponseSchema } from "../../gen/qrforge/api/v1/api_pb.ts";
import { Plan } from "../../gen/qrforge/auth/v1/account_pb.ts";
import { codec } from "../../platform/rpc/definition.ts";
import { routes } from "../../services/edge/api/routes/index.ts";
import { call, openAuth } from "../support/api.ts";

const { edges, rpcs, auths } = inject("cluster");
const edge = edges[0] as string;
const rpc = rpcs[0] as string;
const auth = openAuth(auths);
afterAll(() => auth.close());

const http1 = { baseUrl: edge, httpVersion: "1.1" } as const;
const transports: [string, Transport][] = [
  ["Connect, JSON, HTTP/1.1", createConnectTransport({ ...http1, useBinaryFormat: false })],
  ["Connect, binary, HTTP/1.1", createConnectTransport({ ...http1, useBinaryFormat: true })],
  ["gRPC-Web, HTTP/1.1", createGrpcWebTransport(http1)],
  ["Connect of a browser", createBrowserTransport({ baseUrl: edge })],
  ["gRPC, HTTP/2", createGrpcTransport({ baseUrl: `http://${rpc}` })],
  ["Connect, HTTP/2", createConnectTransport({ baseUrl: `http://${rpc}`, httpVersion: "2" })],
];

async function reasonOf(work: Promise<unknown>): Promise<[Code, string | undefined, ConnectError]> {
  const error = await work.then(
    () => undefined,
    (cause) => ConnectError.from(cause),
  );
  if (!error) throw new Error("it did not fail");
  return [error.code, error.findDetails(ErrorInfoSchema)[0]?.reason, error];
}

const failureOf = async (work: Promise<unknown>) => (await reasonOf(work)).slice(0, 2);

describe("qrforge.api.v1", () => {
  it("has exactly the operations of the route table", () => {
    expect(ApiService.methods.map(({ localName }) => localName).sort()).toEqual(
      routes.map(({ operation }) => operation).sort(),
    );
  });

  for (const [name, transport] of transports) {
    it(`does over ${name} what REST does`, async () => {
      const { key } = await auth.newAccount(Plan.ENTERPRISE, { perMinute: 0n, perDay: 50n });
      const client: Client<typeof ApiService> = createClient(ApiService, transport);
      const headers = { "x-api-key": key };
      let limits = "";
      const options = {
        headers,
        onHeader: (received: Headers) => {
          limits = received.get("ratelimit") ?? "";
        },
      };
      const { data: project } = await client.createProject({ name: "Labels" }, options);
      const { data: code } = await client.createQrCode(
        {
          name: "Zwölf",
          redirectUrl: "https://example.com/ü",
          projectId: project?.id ?? "",
          style: { moduleShape: "dot", caption: "Hi" },
        },
        { headers: { ...headers, "idempotency-key": "k" } },
      );
      const again = await client.createQrCode(
        {
          name: "Zwölf",
          redirectUrl: "https://example.com/ü",
          projectId: project?.id ?? "",
          style: { moduleShape: "dot", caption: "Hi" },
        },
        { headers: { ...headers, "idempotency-key": "k" } },
      );
      expect(again.data).toEqual(code);
      const rest = (await call(`${edge}/v1/qr-codes/${code?.slug}`, { key })).body.data;
      expect(code).toMatchObject({
        id: rest.id,
        name: "Zwölf",
        redirectUrl: rest.redirect_url,
        shortUrl: rest.short_url,
        scanCount: 0n,
      });
      expect(Number(code?.createdAt?.seconds) * 1000).toBe(Math.floor(Date.parse(rest.created_at) / 1000) * 1000);
      const { items: batch } = await client.batchCreateQrCodes(
        { qrCodes: [1, 2, 3].map((index) => ({ name: `n${index}`, redirectUrl: "https://example.com/" })) },
        options,
      );
      expect(batch.map((one) => one.name)).toEqual(["n1", "n2", "n3"]);
      const page = await client.listQrCodes({ pageSize: 2, status: "all" }, options);
      expect([page.items.length, page.nextPageToken !== ""]).toEqual([2, true]);
      const changed = await client.updateQrCode({ id: rest.id, style: { caption: "" } }, options);
      expect([changed.data?.style?.caption, changed.data?.style?.moduleShape]).toEqual([undefined, "dot"]);
      const image = await client.getQrCodeImage({ id: rest.id, format: "png", size: 200 }, options);
      expect([image.contentType, Buffer.from(image.content).subarray(1, 4).toString()]).toEqual(["image/png", "PNG"]);
      const scans = await client.countScans({ id: rest.id, by: "device" }, options);
      expect([scans.data?.total, scans.data?.by]).toEqual([0n, "device"]);
      expect((await client.listProjects({}, options)).items).toHaveLength(2);
      expect((await client.getProject({ id: project?.id ?? "" }, options)).data?.name).toBe("Labels");
      expect((await client.getQrCode({ id: rest.slug }, options)).data?.id).toBe(rest.id);
      const usage = await client.getUsage({}, options);
      // 1 + 2 + 1 over REST + a batch of 3 + 8 more.
      expect([usage.data?.day?.used, usage.data?.day?.limit, usage.data?.minute?.limit]).toEqual([15n, 50n, undefined]);
      expect(limits).toContain('"day";r=35');
    });

    it(`fails over ${name} as REST does`, async () => {
      const client = createClient(ApiService, transport);
      const { key } = await auth.newAccount(Plan.ENTERPRISE, { perMinute: 0n, perDay: 4n });
      const headers = { "x-api-key": key };
      const [unknown, cause, { metadata }] = await reasonOf(client.getUsage({}));
      expect([unknown, cause]).toEqual([Code.Unauthenticated, "UNAUTHORIZED"]);
      expect(metadata.get("www-authenticate")).toBe('ApiKey realm="qrforge"');
      expect(await failureOf(client.getQrCode({ id: "qr-0000000" }, { headers }))).toEqual([
        Code.NotFound,
        "NOT_FOUND",
      ]);
      const [code, reason, error] = await reasonOf(client.createQrCode({ redirectUrl: "javascript:x" }, { headers }));
      expect([code, reason]).toEqual([Code.InvalidArgument, "INVALID_PAYLOAD"]);
      expect(error.rawMessage).toContain("name is required");
      expect(await failureOf(client.listQrCodes({ pageToken: "x" }, { headers }))).toEqual([
        Code.InvalidArgument,
        "INVALID_REQUEST",
      ]);
      const many = { qrCodes: Array.from({ length: 2 }, () => ({ name: "n", redirectUrl: "https://example.com/" })) };
      const [spent, why, refused] = await reasonOf(client.batchCreateQrCodes(many, { headers }));
      expect([spent, why]).toEqual([Code.ResourceExhausted, "RATE_LIMIT_DAY"]);
      expect(refused.metadata.get("ratelimit")).toContain('"day";r=1');
    });
  }

  it("speaks gRPC with grpc-js", async () => {
    const { key } = await auth.newAccount();
    const client = new GrpcClient(rpc, credentials.createInsecure());
    const request = codec(GetUsageRequestSchema);
    const response = codec(GetUsageResponseSchema);
    const ask = (metadata: Metadata) =>
      new Promise<number | undefined>((resolve, reject) =>
        client.makeUnaryRequest(
          "/qrforge.api.v1.ApiService/GetUsage",
          request.serialize,
          response.deserialize,
          {} as never,
          metadata,
          (error: GrpcError | null, answer) => (error ? reject(error) : resolve(Number(answer?.data?.day?.used))),
        ),
      );
    const metadata = new Metadata();
    metadata.set("x-api-key", key);
    expect(await ask(metadata)).toBe(1);
    await expect(ask(new Metadata())).rejects.toMatchObject({ code: 16 });
    client.close();
  });

  it("answers a whole code whatever the client has of it, and takes any deadline", async () => {
    const { key } = await auth.newAccount();
    const client = createClient(ApiService, createGrpcTransport({ baseUrl: `http://${rpc}` }));
    const { data } = await client.createQrCode(
      { name: "n", redirectUrl: "https://example.com/" },
      { headers: { "x-api-key": key } },
    );
    const headers = { "x-api-key": key, "if-none-match": "*" };
    const read = await client.getQrCode({ id: data?.id ?? "" }, { headers, timeoutMs: 120_000 });
    expect(read.data).toEqual(data);
    expect((await client.getQrCodeImage({ id: data?.id ?? "" }, { headers })).content.length).toBeGreaterThan(100);
  });

  it("takes no longer body than REST, and no method that it has not", async () => {
    const { key } = await auth.newAccount();
    const post = (method: string, body: string) =>
      call(`${edge}/qrforge.api.v1.ApiService/${method}`, { key, method: "POST", body });
    expect((await post("CreateQrCode", JSON.stringify({ name: "x".repeat(70_000) }))).status).toBe(400);
    expect((await post("DeleteQrCode", "{}")).status).toBe(404);
    expect(
      (await call(`${edge}/qrforge.api.v1.ApiService/GetUsage?encoding=json&message=%7B%7D`, { key })).status,
    ).toBe(200);
  });
});
