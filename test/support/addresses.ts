import type { Suite } from "../../dev/cluster.ts";

export function addressesOf(suite: Suite, kind: "auth" | "quota" | "qr"): string[] {
  return suite.members(kind).map((member) => member.address);
}
