import type { ServiceError as GrpcError } from "@grpc/grpc-js";
import { describe, expect, it } from "vitest";
import { catalogue, type Reason, ServiceError } from "../errors.ts";
import { errorToStatus, lacksMethod, statusToError } from "./status.ts";

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

  it("of a replica of an earlier version, which lacks the method, passes by itself and is told from others", () => {
    const [lacking, away] = [12, 14].map((code) => statusToError(Object.assign(new Error(), { code }) as GrpcError));
    expect(lacking).toMatchObject({ reason: "UNAVAILABLE", retryAfterS: 1 });
    expect([lacksMethod(lacking), lacksMethod(away)]).toEqual([true, false]);
    const { code, metadata } = errorToStatus(new ServiceError("METHOD_NOT_ALLOWED"));
    const answered = statusToError(Object.assign(new Error(), { code, metadata }) as GrpcError);
    expect(lacksMethod(answered)).toBe(false);
  });

  it("does not carry its cause", () => {
    const status = errorToStatus(
      new ServiceError("INTERNAL_ERROR", undefined, { cause: new Error("password=hunter2") }),
    );
    expect(JSON.stringify(status.metadata.toJSON()) + status.details).not.toContain("hunter2");
  });
});
