import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startEphemeralCluster } from "../../dev/ephemeral-cluster.ts";
import { addressesOf } from "../support/addresses.ts";
import { openAuth } from "../support/api.ts";
import { runAttacks } from "./attack.ts";
import { faultAttacks } from "./attacks/faults.ts";
import { networkAttacks } from "./attacks/index.ts";
import { newKeys, openTarget, type Target } from "./target.ts";

let target: Target;
const closes: (() => Promise<void> | void)[] = [];
const faults: ReturnType<typeof faultAttacks> = [];
/** The same as `npm run attack -- --own` with a fifth of the numbers, of which an edge with these bounds is full. */
const scale = 0.2;
const edgeEnv = { API_IN_FLIGHT_MAX: "50", SCANS_IN_FLIGHT_MAX: "50", UNKNOWN_KEYS_PER_MINUTE_MAX: "30" };

beforeAll(async () => {
  const { cluster, dataDir, end } = await startEphemeralCluster({ restart: true, env: { edge: edgeEnv } });
  closes.push(end);
  const auth = openAuth(addressesOf(cluster, "auth"));
  closes.push(auth.close);
  faults.push(...faultAttacks({ cluster, auth, logs: path.join(dataDir, "logs") }));
  const opened = await openTarget({
    edge: cluster.edgeUrls()[0] as string,
    rpc: `http://${cluster.members("edge")[0]?.rpc}`,
    ...(await newKeys(auth)),
    scale,
  });
  target = opened.target;
  closes.push(opened.end);
});
afterAll(async () => {
  for (const close of closes.reverse()) await close();
});

describe("attacks over the network", () => {
  for (const attack of networkAttacks) {
    it(`${attack.kind}: ${attack.name}: ${attack.promise}`, async () => {
      const [outcome] = await runAttacks([attack], target);
      expect(outcome).toMatchObject({ held: true });
    });
  }
});

/** Faults of the short run: one of each sort. The command makes all. */
const shortRun = [
  ...["quota stopped for 4 s", "qr killed", "postgres killed", "a key revoked while NATS is away"],
  "keys in the logs of all that came before",
];

describe("faults", () => {
  it("leave nothing behind that does not work", { timeout: 300_000 }, async () => {
    const chosen = faults.filter(({ name }) => shortRun.includes(name));
    expect(chosen.length).toBe(shortRun.length);
    const outcomes = await runAttacks(chosen, target);
    expect(outcomes.filter(({ held }) => !held)).toEqual([]);
  });
});
