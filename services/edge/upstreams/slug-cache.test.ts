import { describe, expect, it } from "vitest";
import { QrCodeStatus } from "../../../gen/qrforge/qr/v1/qr_code_pb.ts";
import { toSlugAnswer } from "./slug-cache.ts";

describe("qr's answer about a slug", () => {
  const active = {
    ...{ status: QrCodeStatus.ACTIVE, accountId: "a", qrCodeId: "c", redirectUrl: "https://example.com/" },
    ...{ takenDown: false, accountDisabled: false },
  };
  const redirect = { status: "active", accountId: "a", codeId: "c", location: "https://example.com/" };
  const archived = { ...active, status: QrCodeStatus.ARCHIVED, redirectUrl: "" };

  it("is a redirect for an active code, and none for one that is archived or taken down", () => {
    expect(toSlugAnswer(active, "gone")).toEqual(redirect);
    expect(toSlugAnswer(archived, "gone")).toEqual({ status: "archived", accountId: "a" });
    for (const setting of ["gone", "redirect"] as const) {
      const takenDown = toSlugAnswer({ ...archived, takenDown: true }, setting);
      expect(takenDown).toEqual({ status: "taken-down", accountId: "a" });
    }
    expect(toSlugAnswer({ ...active, status: QrCodeStatus.UNSPECIFIED }, "gone")).toEqual({ status: "unknown" });
  });

  it("is as the operator has set it for the codes of a disabled account", () => {
    expect(toSlugAnswer({ ...active, accountDisabled: true }, "gone")).toMatchObject({ status: "taken-down" });
    expect(toSlugAnswer({ ...active, accountDisabled: true }, "redirect")).toEqual(redirect);
    expect(toSlugAnswer({ ...archived, accountDisabled: true }, "redirect")).toMatchObject({ status: "archived" });
  });
});
