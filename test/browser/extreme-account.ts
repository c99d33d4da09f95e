import { randomBytes, randomUUID } from "node:crypto";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { Cluster } from "../../dev/cluster.ts";
import { scripts } from "../../dev/seed/names.ts";
import { Plan } from "../../gen/qrforge/auth/v1/account_pb.ts";
import { SessionService } from "../../gen/qrforge/auth/v1/session_pb.ts";
import { Device, ScanService } from "../../gen/qrforge/qr/v1/scan_pb.ts";
import { createRpcClient } from "../../platform/rpc/client.ts";
import { addressesOf } from "../support/addresses.ts";
import { call, openAuth, wait } from "../support/api.ts";

const hourMs = 3_600_000;

/** Takes `length` code points of a text that is repeated as often as needed, and no blank at either end. */
function repeated(text: string, length: number): string {
  const points = [...text];
  const taken = Array.from({ length }, (_, index) => points[index % points.length] as string).join("");
  return taken.replace(/^\s|\s$/g, "x");
}

/** Names of 1 to `max` code points, in every script that the seed knows, with and without blanks. */
export function extremeNames(max: number): string[] {
  const texts = Object.values(scripts).map(({ words }) => words.join(" "));
  return texts
    .flatMap((text) => [repeated(text, max), repeated(text.replaceAll(" ", ""), max)])
    .concat(repeated("W", max), "i", "語");
}

/** A URL of `length` characters without a place where a line may break. */
const urlOf = (length: number) => "https://example.com/".padEnd(length, "abcdefghij0123456789");

/**
 * Makes an account whose every name and URL is as long as the API lets it be, with keys, projects, codes and scans.
 * Returns what is needed to see it in the dashboard.
 */
export async function createExtremeAccount(cluster: Cluster) {
  const edge = cluster.edgeUrls()[0] as string;
  const auth = openAuth(addressesOf(cluster, "auth"));
  const sessions = createRpcClient(SessionService, { address: addressesOf(cluster, "auth").join(",") });
  const scans = createRpcClient(ScanService, { address: addressesOf(cluster, "qr").join(",") });
  try {
    const email = `${"long-address-".repeat(4)}@${"a".repeat(60)}.${"b".repeat(60)}.example`;
    const limits = { perMinute: 6_000n, perDay: 5_000_000n };
    const { account } = await auth.accounts.createAccount({ email, plan: Plan.ENTERPRISE, limits }, wait);
    const accountId = account?.accountId as string;
    const actor = { name: `operator:${"o".repeat(40)}`, address: "2001:0db8:85a3:0000:0000:8a2e:0370:7334" };
    let key = "";
    for (const name of extremeNames(100)) {
      key = (await auth.keys.createKey({ accountId, name, actor }, wait)).secret;
    }
    const { key: ended } = await auth.keys.createKey({ accountId, name: repeated("W", 100) }, wait);
    await auth.keys.revokeKey({ keyId: ended?.keyId as string, accountId, actor }, wait);
    const post = async (path: string, body: unknown) => {
      const answer = await call(`${edge}${path}`, { key, body });
      if (!answer.body?.ok) throw new Error(`${path}: ${answer.text}`);
      return answer.body.data ?? answer.body.items;
    };
    let projectId = "";
    for (const name of extremeNames(100).slice(0, 8)) {
      projectId = (await post("/v1/projects", { name, description: repeated(`${name}-`, 500) })).id;
    }
    const codes: { id: string; slug: string }[] = await post("/v1/qr-codes/batch", {
      qr_codes: extremeNames(200).map((name, index) => ({
        name,
        redirect_url: urlOf(index % 3 === 0 ? 2_048 : 60),
        project_id: projectId,
        ...(index % 2 === 0 && { slug: `s${index}-`.padEnd(64, "w") }),
      })),
    });
    // The code that the tests look at is the longest in everything.
    const code = codes[0] as { id: string; slug: string };
    const all = Array.from({ length: 60 }, (_, index) => ({
      scanId: randomUUID(),
      qrCodeId: code.id,
      scanTime: timestampFromMs(Date.now() - index * 11 * hourMs),
      device: [Device.MOBILE, Device.DESKTOP, Device.TABLET][index % 3] as Device,
      country: ["DE", "FR", "US"][index % 3] as string,
      referrer: ["", `${"r".repeat(88)}.example`, "example.com"][index % 3] as string,
      visitor: randomBytes(8),
    }));
    await scans.client.batchRecordScans({ scans: all }, wait);
    const { token } = await sessions.client.createSignInLink({ accountId }, wait);
    return { edge, accountId, key, projectId, code, signInPath: `/#/sign-in/${token}` };
  } finally {
    auth.close();
    sessions.close();
    scans.close();
  }
}
