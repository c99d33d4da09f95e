import type { ServiceError as GrpcError } from "@grpc/grpc-js";
import { describe, expect, it } from "vitest";
import { catalogue, type Reason, ServiceError } from "../errors.ts";
import { errorToStatus, statusToError } from "./status.ts";

describe("a failure on the wire", () => {
  for (const reason of Object.keys(catalogue) as Reason[]) {
    it(`${reason} comes back as itself, with its fields and its delay`, () => {
      const sent = new ServiceError(reason, "why", { fields: [{ field: "a.b", issue: "is wrong" }], retryAfterS: 7 });
      const status = errorToStatus(sent);
      expect(status.code).toBe(catalogue[reason].grpc);
      const received = statusToError(Object.assign(new Error(), status) as GrpcError);
      expect(received).toMatchObject({ reason, message: "why", fields: sent.fields, retryAfterS: 7 });
    });
  }

  it("without details is what its code stands for", () => {
    const reasonOf = (code: number) => statusToError(Object.assign(new Error(), { code }) as GrpcError).reason;
    expect(reasonOf(14)).toBe("UNAVAILABLE");
    expect(reasonOf(4)).toBe("DEADLINE_EXCEEDED");
    expect(reasonOf(2)).toBe("INTERNAL_ERROR");
  });

  it("does not carry its cause", () => {
    const status = errorToStatus(
      new ServiceError("INTERNAL_ERROR", undefined, { cause: new Error("password=hunter2") }),
    );
    expect(JSON.stringify(status.metadata.toJSON()) + status.details).not.toContain("hunter2");
  });
});
