import type { Cluster } from "../../dev/cluster.ts";

export function addressesOf(cluster: Cluster, kind: "auth" | "quota" | "qr"): string[] {
  return cluster.members(kind).map((member) => member.address);
}
