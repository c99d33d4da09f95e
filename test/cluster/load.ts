import { randomUUID } from "node:crypto";
import { Plan } from "../../gen/qrforge/auth/v1/account_pb.ts";
import { call, eventually, type openAuth } from "../support/api.ts";

/** What clients were told, to be held against what is there afterwards. */
export interface Told {
  /** Codes that were acknowledged as created, with where they lead. */
  codes: Map<string, { id: string; redirectUrl: string; scans: number }>;
  /** Answers with a status of 200 to 299 to requests of the account with a limit. */
  admitted: number;
  refusedByLimit: number;
  /** Requests that failed without an answer that says what became of them, by what they were. */
  failed: Record<string, number>;
  answered: number;
  /** Revocations that returned, and requests with the dead key after that. */
  revoked: number;
  afterRevocation: number;
  edited: number;
  /** Charts that were answered, which may be read from the standby. */
  charts: number;
  /** What must never be. */
  violations: string[];
}

export interface Load {
  told: Told;
  /** Waits until everything that clients ask for has been done once more; returns how long that took, in ms. */
  worksAgain(maxMs: number): Promise<number>;
  /** Ends it, and waits for what is under way. */
  stop(): Promise<void>;
}

const agent = { "user-agent": "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0" };
const pauseMs = 20;
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const pick = <T>(all: T[]): T => all[Math.floor(Math.random() * all.length)] as T;

/** Begins to do what clients do, on all edges, until stopped: create, scan, edit, use up a limit, revoke. */
export async function startLoad(options: {
  edges: string[];
  auth: ReturnType<typeof openAuth>;
  /** Requests a day of the account with a limit. */
  perDay: number;
}): Promise<Load> {
  const { edges, auth } = options;
  const told: Told = {
    codes: new Map(),
    admitted: 0,
    refusedByLimit: 0,
    failed: {},
    answered: 0,
    revoked: 0,
    afterRevocation: 0,
    edited: 0,
    charts: 0,
    violations: [],
  };
  const unlimited = { perMinute: 0n, perDay: 0n };
  const { key, accountId } = await auth.newAccount(Plan.ENTERPRISE, unlimited);
  const limited = await auth.newAccount(Plan.ENTERPRISE, { perMinute: 0n, perDay: BigInt(options.perDay) });
  let stopped = false;

  /** Makes a request; undefined, and counted, if nothing is known of what became of it. */
  async function attempt(what: string, ...[url, request]: Parameters<typeof call>) {
    const answer = await call(url, request).catch(() => undefined);
    if (answer && answer.status < 500) {
      told.answered++;
      return answer;
    }
    told.failed[what] = (told.failed[what] ?? 0) + 1;
    return undefined;
  }

  async function create(): Promise<void> {
    const slug = `c-${randomUUID().slice(0, 13)}`;
    const redirectUrl = `https://example.com/${slug}`;
    const headers = { "idempotency-key": randomUUID() };
    // As a client would: again with the same key until there is an answer.
    for (;;) {
      const body = { name: slug, redirect_url: redirectUrl, slug };
      const answer = await attempt("create", `${pick(edges)}/v1/qr-codes`, { key, headers, body });
      if (answer?.status === 201) {
        told.codes.set(slug, { id: answer.body.data.id, redirectUrl, scans: 0 });
        return;
      }
      if (answer) told.violations.push(`create answered ${answer.status} ${answer.text}`);
      if (answer || stopped) return;
      await sleep(200);
    }
  }
  async function scan(): Promise<void> {
    const [slug, code] = pick([...told.codes]) ?? [];
    if (!slug || !code) return;
    const before = code.redirectUrl;
    const answer = await attempt("scan", `${pick(edges)}/${slug}`, { headers: agent });
    if (!answer) return;
    if (answer.status !== 302) told.violations.push(`scan of ${slug} answered ${answer.status}`);
    else code.scans++;
    const location = answer.headers.get("location");
    if (before === code.redirectUrl && location !== before) {
      // An edit that has not returned may be seen already.
      if (!editing.has(slug)) told.violations.push(`${slug} led to ${location}, not to ${before}`);
    }
  }
  const editing = new Set<string>();
  async function edit(): Promise<void> {
    const [slug, code] = pick([...told.codes]) ?? [];
    if (!slug || !code || editing.has(slug)) return;
    editing.add(slug);
    const redirectUrl = `https://example.com/${slug}/${randomUUID()}`;
    const body = { redirect_url: redirectUrl };
    while (!stopped) {
      const answer = await attempt("edit", `${pick(edges)}/v1/qr-codes/${code.id}`, { method: "PATCH", key, body });
      if (answer) {
        code.redirectUrl = redirectUrl;
        told.edited++;
        for (const edge of edges) {
          const seen = await attempt("scan", `${edge}/${slug}`, { headers: agent });
          if (!seen) continue;
          if (seen.status === 302) code.scans++;
          const location = seen.headers.get("location");
          if (location !== redirectUrl) told.violations.push(`${slug} led to ${location} at ${edge} after an edit`);
        }
        editing.delete(slug);
        return;
      }
      await sleep(200);
    }
    // Whether it was done is not known, so the code is not looked at any more.
    told.codes.delete(slug);
  }
  async function use(): Promise<void> {
    const answer = await attempt("use", `${pick(edges)}/v1/qr-codes?page_size=1`, { key: limited.key });
    if (answer?.status === 200) told.admitted++;
    else if (answer?.status === 429) told.refusedByLimit++;
    else if (answer) told.violations.push(`a request within the limit answered ${answer.status}`);
  }
  async function chart(): Promise<void> {
    const [slug] = pick([...told.codes]) ?? [];
    const answer = await attempt("chart", `${pick(edges)}/v1/qr-codes/${slug}/scans?by=device`, { key });
    if (answer?.status === 200) told.charts++;
    else if (answer && !editing.has(slug as string)) told.violations.push(`a chart answered ${answer.status}`);
  }
  async function revoke(): Promise<void> {
    const wait = { timeoutMs: 5_000 };
    const made = await auth.keys.createKey({ accountId, name: "short-lived" }, wait).catch(() => undefined);
    const secret = made?.secret;
    if (!secret) return;
    await Promise.all(edges.map((edge) => attempt("use", `${edge}/v1/qr-codes?page_size=1`, { key: secret })));
    const done = await auth.keys.revokeKey({ keyId: made.key?.keyId as string }, wait).catch(() => undefined);
    if (!done) {
      told.failed.revoke = (told.failed.revoke ?? 0) + 1;
      return;
    }
    told.revoked++;
    for (let round = 0; round < 3; round++) {
      for (const edge of edges) {
        const answer = await attempt("use", `${edge}/v1/qr-codes?page_size=1`, { key: secret });
        told.afterRevocation++;
        if (answer && answer.status !== 401)
          told.violations.push(`a revoked key was answered ${answer.status} at ${edge}`);
      }
    }
  }

  for (let first = 0; first < 10; first++) await create();
  const workers = [create, scan, scan, scan, edit, chart, use, use, revoke].map(async (work) => {
    while (!stopped) {
      await work();
      await sleep(pauseMs);
    }
  });
  const progress = () => [told.codes.size, told.admitted + told.refusedByLimit, told.edited, told.revoked, told.charts];
  return {
    told,
    async worksAgain(maxMs) {
      const startedMs = performance.now();
      const before = progress();
      await eventually(
        async () => progress(),
        (now) => now.every((count, index) => count > (before[index] as number)),
        maxMs,
      );
      return Math.round(performance.now() - startedMs);
    },
    async stop() {
      stopped = true;
      await Promise.all(workers);
      // The limit is used up, by many at once, so that it is seen where it is.
      const users = Array.from({ length: 16 }, async () => {
        while (told.refusedByLimit === 0) await use();
      });
      await Promise.all(users);
    },
  };
}
