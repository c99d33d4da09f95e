import { AccountService, Plan } from "../../gen/qrforge/auth/v1/account_pb.ts";
import { KeyService } from "../../gen/qrforge/auth/v1/key_pb.ts";
import { TakedownService } from "../../gen/qrforge/auth/v1/takedown_pb.ts";
import { createRpcClient } from "../../platform/rpc/client.ts";
import type { TlsFiles } from "../../platform/rpc/tls.ts";

/** An answer as a client sees it. */
export interface ApiAnswer {
  status: number;
  headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into whatever JSON came back
  body: any;
  text: string;
}

export interface CallOptions {
  method?: string;
  key?: string;
  body?: unknown;
  headers?: Record<string, string>;
}

/** Makes one HTTP request, as a client would that knows nothing of the code. Redirects are not followed. */
export async function call(url: string, options: CallOptions = {}): Promise<ApiAnswer> {
  const headers: Record<string, string> = { ...options.headers };
  if (options.key !== undefined) headers["x-api-key"] = options.key;
  if (options.body !== undefined) headers["content-type"] ??= "application/json";
  const response = await fetch(url, {
    method: options.method ?? (options.body === undefined ? "GET" : "POST"),
    headers,
    body: typeof options.body === "string" ? options.body : (JSON.stringify(options.body) ?? null),
    redirect: "manual",
  });
  const text = await response.text();
  const isJson = response.headers.get("content-type")?.startsWith("application/json");
  return {
    status: response.status,
    headers: response.headers,
    body: isJson && text !== "" ? JSON.parse(text) : undefined,
    text,
  };
}

export const wait = { timeoutMs: 10_000 };
let made = 0;

/** Clients for auth, as an operator's command or the dashboard would have them. */
export function openAuth(addresses: string[], tls?: TlsFiles) {
  const options = { address: addresses.join(","), ...(tls && { tls }) };
  const accounts = createRpcClient(AccountService, options);
  const keys = createRpcClient(KeyService, options);
  const takedowns = createRpcClient(TakedownService, options);

  return {
    accounts: accounts.client,
    keys: keys.client,
    takedowns: takedowns.client,
    /** A new account with one key. */
    async newAccount(plan: Plan = Plan.PRO, limits?: { perMinute: bigint; perDay: bigint }) {
      const email = `test-${process.pid}-${Date.now()}-${made++}@qrforge.example`;
      const { account } = await accounts.client.createAccount({ email, plan, limits }, wait);
      const accountId = account?.accountId as string;
      const { key, secret } = await keys.client.createKey({ accountId, name: "test" }, wait);
      return { accountId, email, key: secret as string, keyId: key?.keyId as string };
    },
    close() {
      accounts.close();
      keys.close();
      takedowns.close();
    },
  };
}

/** Asks again, at once after each answer, until the answer will do. Fails after `maxMs`. */
export async function eventually<T>(ask: () => Promise<T>, willDo: (answer: T) => boolean, maxMs = 10_000): Promise<T> {
  const end = performance.now() + maxMs;
  for (;;) {
    const answer = await ask();
    if (willDo(answer)) return answer;
    if (performance.now() > end) throw new Error(`not within ${maxMs} ms; last answer: ${JSON.stringify(answer)}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
