import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { gunzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Cluster, startCluster } from "../../dev/cluster.ts";
import { ephemeralOptions } from "../../dev/ephemeral-cluster.ts";
import { Plan } from "../../gen/qrforge/auth/v1/account_pb.ts";
import { addressesOf } from "../support/addresses.ts";
import { call, eventually, openAuth, wait } from "../support/api.ts";
import { runProgram } from "../support/run.ts";

let dataDir: string;
let cluster: Cluster;
let file: string;

const start = () =>
  startCluster({ ...ephemeralOptions, dataDir, env: { qr: { SHORT_URL_BASE: "https://qr.example" } } });
const tool = (name: string, ...args: string[]) =>
  runProgram("node", [`cli/${name}.ts`, ...args], {
    env: { QRFORGE_DATA_DIR: dataDir, DATABASE_URL: "", NATS_URL: "" },
  });
const wipe = () => rm(path.join(dataDir, "postgres"), { recursive: true });
const edge = () => cluster.edgeUrls()[0] as string;

beforeAll(async () => {
  dataDir = await mkdtemp(path.join(tmpdir(), "qrforge-backup-"));
  file = path.join(dataDir, "backup.sql.gz");
  cluster = await start();
});
afterAll(async () => {
  await cluster?.stop();
  await rm(dataDir, { recursive: true, force: true });
});

describe("a backup", () => {
  it("brings everything back after the data is gone: keys, codes, scans, counts, people", {
    timeout: 120_000,
  }, async () => {
    let auth = openAuth(addressesOf(cluster, "auth"));
    const limits = { perMinute: 0n, perDay: 5_000n };
    const { key, accountId } = await auth.newAccount(Plan.ENTERPRISE, limits);
    const { key: second, secret: secondSecret } = await auth.keys.createKey({ accountId, name: "second" }, wait);
    const names = ["Menu", "$1 ' \" % \\N", "\\.", "back\\slash", "Ünï 🎉"];
    const codes = [];
    for (const name of names) {
      const body = { name, redirect_url: "https://example.com/?a=1&b=%0A", style: { caption: "Our menu" } };
      const made = await call(`${edge()}/v1/qr-codes`, { key, body });
      expect(made.status, made.text).toBe(201);
      codes.push(made.body.data);
    }
    const [code] = codes;
    const agent = { "user-agent": "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0" };
    for (let scan = 0; scan < 3; scan++) await call(`${edge()}/${code.slug}`, { headers: agent });
    const readCode = (id: string) => call(`${edge()}/v1/qr-codes/${id}`, { key });
    await eventually(
      () => readCode(code.id),
      ({ body }) => body.data.scan_count === 3,
      20_000,
    );
    const person = { email: "ann@qrforge.example", password: "a long enough password" };
    await call(`${edge()}/dashboard/api/sign-up`, { body: person });
    const signedIn = await call(`${edge()}/dashboard/api/session`, { body: person });
    const cookie = String(signedIn.headers.getSetCookie()[0]?.split(";")[0]);
    const session = () => call(`${edge()}/dashboard/api/session`, { headers: { cookie } });
    expect((await session()).status).toBe(200);

    const nowhere = await tool("backup", path.join(dataDir, "none", "x"));
    expect([nowhere.code, nowhere.output]).toEqual([
      1,
      expect.stringContaining(`There is no folder ${path.join(dataDir, "none")}`),
    ]);
    const written = await tool("backup", file);
    expect(written.code, written.output).toBe(0);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    const again = await tool("backup", file);
    expect([again.code, again.output]).toEqual([1, expect.stringContaining("is there already")]);
    const content = gunzipSync(await readFile(file)).toString();
    expect(content).toContain(accountId);
    for (const secret of [key, secondSecret, person.password, cookie.split("=")[1] as string]) {
      expect(content).not.toContain(secret);
    }
    expect(content).not.toMatch(/^copy \S*(?:salts|visitors|sessions|links|mails|invitations|holders) /m);
    const before = await Promise.all(codes.map(({ id }) => readCode(id)));

    // What happens after the backup is not in it.
    await auth.keys.revokeKey({ keyId: second?.keyId as string }, wait);
    expect((await call(`${edge()}/v1/usage`, { key: secondSecret })).status).toBe(401);
    auth.close();

    const refused = await tool("restore", file);
    expect([refused.code, refused.output]).toEqual([1, expect.stringContaining("is running here already")]);
    await cluster.stop();
    await wipe();
    const restored = await tool("restore", file);
    expect(restored.code, restored.output).toBe(0);
    expect(restored.output).toContain(`Everything in ${dataDir} is as it was at `);

    cluster = await start();
    auth = openAuth(addressesOf(cluster, "auth"));
    for (const [index, { body }] of before.entries()) {
      const { data } = (await readCode(codes[index].id)).body;
      expect(data).toEqual(body.data);
      expect(data.name).toBe(names[index]);
    }
    expect((await readCode(code.id)).body.data.scan_count).toBe(3);
    expect((await call(`${edge()}/${code.slug}`)).headers.get("location")).toBe(code.redirect_url);
    expect((await session()).status).toBe(401);
    expect((await call(`${edge()}/dashboard/api/session`, { body: person })).status).toBe(200);
    const usage = await call(`${edge()}/v1/usage`, { key });
    expect(usage.body.data.day.used).toBeGreaterThan(10);
    // So a key that was revoked after the backup is alive again, and can be revoked again.
    expect((await call(`${edge()}/v1/usage`, { key: secondSecret })).status).toBe(200);
    const { propagation } = await auth.keys.revokeKey({ keyId: second?.keyId as string }, wait);
    expect(propagation).toMatchObject({ acknowledgedCount: 1 });
    expect((await call(`${edge()}/v1/usage`, { key: secondSecret })).status).toBe(401);
    auth.close();
  });

  it("that is damaged, or not asked to replace what is there, changes nothing", { timeout: 120_000 }, async () => {
    const auth = openAuth(addressesOf(cluster, "auth"));
    const { key } = await auth.newAccount();
    auth.close();
    await cluster.stop();
    const whole = await readFile(file);
    const short = path.join(dataDir, "short.sql.gz");
    await writeFile(short, whole.subarray(0, whole.length - 200));
    const other = path.join(dataDir, "other");
    await writeFile(other, "select 1;\n");
    for (const [args, problem] of [
      [[file], "is there already"],
      [[short, "--replace"], "The file"],
      [[other, "--replace"], "The file is damaged or is no backup"],
      [[path.join(dataDir, "none")], "cannot be read"],
    ] as const) {
      const { code, output } = await tool("restore", ...args);
      expect([code, output]).toEqual([1, expect.stringContaining(problem)]);
    }
    cluster = await start();
    expect((await call(`${edge()}/v1/usage`, { key })).status).toBe(200);
    await cluster.stop();
    const replaced = await tool("restore", file, "--replace");
    expect(replaced.code, replaced.output).toBe(0);
    cluster = await start();
    expect((await call(`${edge()}/v1/usage`, { key })).status).toBe(401);
  });
});
