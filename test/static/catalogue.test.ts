import { readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { ErrorReason, ErrorReasonSchema } from "../../gen/qrforge/common/v1/error_reason_pb.ts";
import { catalogue, grpcCode } from "../../platform/errors.ts";
import { root } from "../support/run.ts";

describe("the catalogue of errors", () => {
  it("has the reasons of the proto and no others", () => {
    const reasons = ErrorReasonSchema.values
      .filter((value) => value.number !== ErrorReason.UNSPECIFIED)
      .map((value) => value.localName);
    expect(Object.keys(catalogue).sort()).toEqual(reasons.sort());
  });

  it("is what docs/errors.md says, in both directions", () => {
    const documented = readFileSync(path.join(root, "docs/errors.md"), "utf8")
      .split("\n")
      .flatMap((line) => {
        const match = /^\| (\d{3}) +\| `(\w+)` +\| `(\w+)` +\|/.exec(line);
        return match ? [{ http: Number(match[1]), code: match[2], grpc: match[3] }] : [];
      });
    const names = Object.fromEntries(Object.entries(grpcCode).map(([name, number]) => [number, name]));
    const actual = Object.entries(catalogue).map(([reason, entry]) => ({
      http: entry.http,
      code: reason.toLowerCase(),
      grpc: names[entry.grpc],
    }));
    const order = (a: { code?: string | undefined }, b: { code?: string | undefined }) =>
      String(a.code).localeCompare(String(b.code));
    expect(documented.sort(order)).toEqual(actual.sort(order));
  });
});
