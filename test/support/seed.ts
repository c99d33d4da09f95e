import { runProgram } from "./run.ts";

/** What `npm run seed -- --json` prints. */
export interface Seeded {
  codes: number;
  scans: number;
  /** Those with the most codes first. */
  accounts: {
    account_id: string;
    email: string;
    plan: "free" | "pro" | "enterprise";
    codes: number;
    projects: number;
    keys: number;
    disabled: boolean;
  }[];
  sign_in_link: string;
}

/** Fills the cluster that these settings name, `QRFORGE_DATA_DIR` or the addresses of its services. */
export async function seed(
  env: Record<string, string>,
  amounts: { codes: number; scans: number; logos?: number; accounts?: number; days?: number; seed?: number },
  timeoutMs = 120_000,
): Promise<Seeded> {
  const options = Object.entries(amounts).flatMap(([name, amount]) => [`--${name}`, String(amount)]);
  const { code, output } = await runProgram("node", ["dev/seed.ts", "--json", ...options], {
    env: { DATABASE_URL: "", NATS_URL: "", ...env },
    timeout: timeoutMs,
  });
  const answer = output.split("\n").find((line) => line.startsWith("{"));
  if (code !== 0 || !answer) throw new Error(`the seed ended with ${code}: ${output}`);
  return JSON.parse(answer) as Seeded;
}
