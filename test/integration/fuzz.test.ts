import { Agent } from "node:http";
import { afterAll, describe, expect, inject, it } from "vitest";
import { seeded } from "../../dev/seed/random.ts";
import { Plan } from "../../gen/qrforge/auth/v1/account_pb.ts";
import { call, openAuth } from "../support/api.ts";
import { generate, send } from "../support/fuzz.ts";

const { edges, auths } = inject("cluster");
const auth = openAuth(auths);
afterAll(() => auth.close());

/** `FUZZ_REQUESTS=100000 FUZZ_SEED=7 npx vitest run --project integration fuzz` for more, or for the same again. */
const requests = Number(process.env.FUZZ_REQUESTS ?? 3_000);
const seed = Number(process.env.FUZZ_SEED ?? 20_261_125);
const width = 32;

describe("requests of every kind, valid and broken", { timeout: 3_600_000 }, () => {
  it(`are answered without a 5xx and without a crash (${requests} of them, seed ${seed})`, async () => {
    const owner = await auth.newAccount(Plan.ENTERPRISE);
    const stranger = await auth.newAccount(Plan.ENTERPRISE);
    const created = await call(`${edges[0]}/v1/qr-codes`, {
      key: owner.key,
      body: { name: "n", redirect_url: "https://example.com/" },
    });
    const project = await call(`${edges[0]}/v1/projects`, { key: owner.key, body: { name: "n" } });
    const ids = [created.body.data.id, created.body.data.slug, project.body.data.id, "0".repeat(20), "batch"];
    const agent = new Agent({ keepAlive: true, maxSockets: width });
    const seen = new Map<string, number>();
    const bad: unknown[] = [];
    let next = 0;
    await Promise.all(
      Array.from({ length: width }, async () => {
        while (next < requests) {
          const index = next++;
          const made = generate(seeded(seed + index), [owner.key, stranger.key], ids);
          const outcome = await send(agent, edges[index % edges.length] as string, made);
          seen.set(String(outcome), (seen.get(String(outcome)) ?? 0) + 1);
          // Too many pictures at once are refused with 503, which is no failure of the request's own.
          const isRefusedPicture = outcome === 503 && made.path.includes("/image");
          if (typeof outcome === "string" || (outcome >= 500 && !isRefusedPicture))
            bad.push({ index, outcome, ...made });
        }
      }),
    );
    agent.destroy();
    expect(bad.slice(0, 5), JSON.stringify([...seen])).toEqual([]);
    for (const status of ["200", "201", "400", "401", "404", "405"]) expect([...seen.keys()]).toContain(status);
    for (const edge of edges) expect((await call(`${edge}/readyz`)).status).toBe(200);
  });
});
