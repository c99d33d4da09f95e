import { create } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import { BatchResolveKeysRequestSchema, CreateKeyResponseSchema } from "../../gen/qrforge/auth/v1/key_pb.ts";
import { redact } from "./log.ts";

describe("a message in a log line", () => {
  it("shows its fields, but none that its proto marks as secret", () => {
    const message = create(CreateKeyResponseSchema, { key: { keyId: "id", name: "n" }, secret: "api_live_x" });
    expect(redact(CreateKeyResponseSchema, message)).toEqual({ key: { keyId: "id", name: "n" }, secret: "[redacted]" });
  });

  it("hides lists of secrets whole", () => {
    const message = create(BatchResolveKeysRequestSchema, { keyHashes: [new Uint8Array(32)] });
    expect(redact(BatchResolveKeysRequestSchema, message)).toEqual({ keyHashes: "[redacted]" });
  });
});
