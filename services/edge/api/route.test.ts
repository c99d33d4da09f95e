import { describe, expect, it } from "vitest";
import { CreatedVia } from "../../../gen/qrforge/qr/v1/project_pb.ts";
import { ServiceError } from "../../../platform/errors.ts";
import type { Upstreams } from "../upstreams/clients.ts";
import { qrCodeRoutes } from "./routes/qr-codes.ts";

const batch = qrCodeRoutes.find(({ operation }) => operation === "batchCreateQrCodes");
const codes = [{ name: "a", redirect_url: "https://example.com/" }];

/** Asks whether a batch is a replay, of a qr that fails with this error. */
function askOf(error: ServiceError) {
  const limits = { perMinute: 0, perDay: 0 };
  const caller = {
    accountId: "a",
    face: "api",
    keyId: "k",
    limits,
    activeCodesMax: 0n,
    createdVia: CreatedVia.API,
  } as const;
  const checkIdempotencyKey = () => Promise.reject(error);
  // Nothing else of the upstreams is asked.
  const upstreams = { qrCodes: { checkIdempotencyKey } } as unknown as Upstreams;
  const headers = { "idempotency-key": "once-0123456789" };
  return batch?.isReplay?.({ caller, headers, upstreams, timeoutMs: 1_000 }, { value: { qr_codes: codes } });
}

describe("a batch under an idempotency key", () => {
  it("is no replay for a qr of an earlier version, which cannot be asked", async () => {
    const cause = Object.assign(new Error("12 UNIMPLEMENTED"), { code: 12 });
    expect(await askOf(new ServiceError("UNAVAILABLE", undefined, { cause }))).toBe(false);
  });

  it("costs one if the key was used for another request, which is refused", async () => {
    expect(await askOf(new ServiceError("IDEMPOTENCY_CONFLICT"))).toBe(true);
  });

  it("is not made, nor charged, while qr is away", async () => {
    await expect(askOf(new ServiceError("UNAVAILABLE"))).rejects.toMatchObject({ reason: "UNAVAILABLE" });
  });
});
