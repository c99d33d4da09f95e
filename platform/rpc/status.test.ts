import type { ServiceError } from "@grpc/grpc-js";
import { describe, expect, it } from "vitest";
import { catalogue, Failure, type Reason } from "../errors.ts";
import { failureToStatus, statusToFailure } from "./status.ts";

describe("a failure on the wire", () => {
  for (const reason of Object.keys(catalogue) as Reason[]) {
    it(`${reason} comes back as itself, with its fields and its delay`, () => {
      const sent = new Failure(reason, "why", { fields: [{ field: "a.b", issue: "is wrong" }], retryAfterS: 7 });
      const status = failureToStatus(sent);
      expect(status.code).toBe(catalogue[reason].grpc);
      const received = statusToFailure(Object.assign(new Error(), status) as ServiceError);
      expect(received).toMatchObject({ reason, message: "why", fields: sent.fields, retryAfterS: 7 });
    });
  }

  it("without details is what its code stands for", () => {
    const reasonOf = (code: number) => statusToFailure(Object.assign(new Error(), { code }) as ServiceError).reason;
    expect(reasonOf(14)).toBe("UNAVAILABLE");
    expect(reasonOf(4)).toBe("DEADLINE_EXCEEDED");
    expect(reasonOf(2)).toBe("INTERNAL_ERROR");
  });

  it("does not carry its cause", () => {
    const status = failureToStatus(new Failure("INTERNAL_ERROR", undefined, { cause: new Error("password=hunter2") }));
    expect(JSON.stringify(status.metadata.toJSON()) + status.details).not.toContain("hunter2");
  });
});
