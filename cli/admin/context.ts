import { type Timestamp, timestampDate } from "@bufbuild/protobuf/wkt";
import { resourceIdPattern } from "../../contracts/resource-id.ts";
import { AccountService } from "../../gen/qrforge/auth/v1/account_pb.ts";
import { AuditService } from "../../gen/qrforge/auth/v1/audit_pb.ts";
import { InvitationService } from "../../gen/qrforge/auth/v1/invitation_pb.ts";
import { KeyService } from "../../gen/qrforge/auth/v1/key_pb.ts";
import { SessionService } from "../../gen/qrforge/auth/v1/session_pb.ts";
import { TakedownService } from "../../gen/qrforge/auth/v1/takedown_pb.ts";
import type { Propagation } from "../../gen/qrforge/common/v1/lease_pb.ts";
import { TakedownService as QrTakedownService } from "../../gen/qrforge/qr/v1/takedown_pb.ts";
import { QuotaService } from "../../gen/qrforge/quota/v1/quota_pb.ts";
import { loadConfig } from "../../platform/process/config.ts";
import { createRpcClient } from "../../platform/rpc/client.ts";
import { type Command, defineCommand, type Inputs, type Values } from "../command.ts";
import { UserError } from "../errors.ts";
import { findCluster } from "../find-cluster.ts";
import { operatorSettings, userName } from "../settings.ts";

/** The timeout of one call. */
export const wait = { timeoutMs: 15_000 };
/** The timeout of connecting to a service. */
const connectTimeoutMs = 5_000;

/** What a command returns: an object for --json, the same for people, and a note for stderr beside it. */
export interface Answer {
  json: object;
  text: string;
  note?: string | undefined;
}

/** What the operator's commands work with. */
export type Admin = ReturnType<typeof connect>;

type Service = "auth" | "quota" | "qr";
const jsonOption = { json: { type: "flag", meaning: "prints one JSON object" } } as const;

/** Declares an operator's command. It is run once the services that it calls, auth unless said otherwise, are connected. */
// biome-ignore lint/complexity/noBannedTypes: a command without inputs has no values
export function adminCommand<const A extends Inputs = {}, const O extends Inputs = {}>(
  command: Omit<Command<A, O>, "run"> & {
    calls?: Service[];
    run(values: Values<A> & Values<O>, admin: Admin): Promise<Answer>;
  },
): Command {
  return defineCommand<A, O & typeof jsonOption>({
    ...command,
    options: { ...(command.options as O), ...jsonOption },
    async run(values) {
      const admin = connect(await findServices());
      try {
        await admin.ready(command.calls ?? ["auth"]);
        const { json, text, note } = await command.run(values, admin);
        process.stdout.write(`${values.json ? JSON.stringify(json) : text}\n`);
        if (note && !values.json) process.stderr.write(`${note}\n`);
      } finally {
        admin.close();
      }
    },
  });
}

interface Found {
  config: ReturnType<typeof loadOperatorConfig>;
  addresses: Record<Service, string>;
  /** Where the addresses were read, for messages. */
  source: Record<Service, string>;
  /** Where people reach the dashboard. */
  dashboardUrl: string;
}

const loadOperatorConfig = () => loadConfig(operatorSettings);

async function findServices(): Promise<Found> {
  const config = loadOperatorConfig();
  if (config.authAddress || config.quotaAddress || config.qrAddress) {
    return {
      config,
      addresses: {
        auth: config.authAddress || "127.0.0.1:50051",
        quota: config.quotaAddress || "127.0.0.1:50052",
        qr: config.qrAddress || "127.0.0.1:50053",
      },
      source: { auth: "AUTH_ADDRESS", quota: "QUOTA_ADDRESS", qr: "QR_ADDRESS" },
      dashboardUrl: config.publicUrl || "http://localhost:8080",
    };
  }
  const listed = await findCluster(config.dataDir, "set AUTH_ADDRESS, QUOTA_ADDRESS and QR_ADDRESS for one elsewhere");
  const join = (members: { address: string }[]) => members.map(({ address }) => address).join(",");
  return {
    config,
    addresses: { auth: join(listed.auth), quota: join(listed.quota), qr: join(listed.qr) },
    source: { auth: listed.file, quota: listed.file, qr: listed.file },
    dashboardUrl: config.publicUrl || listed.publicUrl,
  };
}

function connect({ config, addresses, source, dashboardUrl }: Found) {
  const auth = { address: addresses.auth, tls: config };
  const quota = { address: addresses.quota, tls: config };
  const qr = { address: addresses.qr, tls: config };
  const open = {
    accounts: createRpcClient(AccountService, auth),
    keys: createRpcClient(KeyService, auth),
    sessions: createRpcClient(SessionService, auth),
    invitations: createRpcClient(InvitationService, auth),
    audit: createRpcClient(AuditService, auth),
    takedowns: createRpcClient(TakedownService, auth),
    quota: createRpcClient(QuotaService, quota),
    codes: createRpcClient(QrTakedownService, qr),
  };
  const firstOf = { auth: open.accounts, quota: open.quota, qr: open.codes };
  return {
    accounts: open.accounts.client,
    keys: open.keys.client,
    sessions: open.sessions.client,
    invitations: open.invitations.client,
    audit: open.audit.client,
    takedowns: open.takedowns.client,
    quota: open.quota.client,
    /** Codes of any account. */
    codes: open.codes.client,
    /** Who acts, for the audit trail. */
    actor: { name: `operator:${config.operator || userName()}`, address: "" },
    dashboardUrl,
    /** Resolves once the services are connected; fails with a UserError that says where they were looked for. */
    async ready(services: Service[]): Promise<void> {
      const check = (service: Service) =>
        firstOf[service].ready({ timeoutMs: connectTimeoutMs }).catch((error) => {
          throw new UserError(
            `${service} does not answer at ${addresses[service]} (from ${source[service]}). ` +
              "Check that it is running, that the address is right, and that both ends use TLS or neither.",
            { cause: error },
          );
        });
      await Promise.all(services.map(check));
    },
    close() {
      for (const { close } of Object.values(open)) close();
    },
  };
}

/** Returns what is wrong with the id of an account or a key. An API key that is given by mistake is not repeated. */
export function checkId(text: string, otherwise = ""): string | undefined {
  if (resourceIdPattern.test(text)) return undefined;
  const what = text.startsWith("api_") ? "an API key" : JSON.stringify(text);
  return `must be an id of 20 letters and digits${otherwise}, not ${what}`;
}

/** An account that a command is about: its id, or its e-mail address. */
export const accountInput = {
  type: "text",
  value: "ACCOUNT",
  meaning: "the account's id, or its e-mail address",
  required: true,
  check: (text: string) => (text.includes("@") ? undefined : checkId(text, " or an e-mail address")),
} as const;

/** Returns the id of an account that is given by its id or its e-mail address. Throws NOT_FOUND for an unknown address. */
export async function findAccountId(account: string, { accounts }: Pick<Admin, "accounts">): Promise<string> {
  if (!account.includes("@")) return account;
  const found = await accounts.getAccount({ email: account }, wait);
  if (!found.account) throw new Error("auth answered without an account");
  return found.account.accountId;
}

/** The options of lists. */
export const listOptions = {
  limit: { type: "integer", value: "N", meaning: "rows to show at most", default: 50, min: 1, max: 100_000 },
  all: { type: "flag", meaning: "shows every row, however many there are" },
} as const;

/**
 * Reads the pages of a list until there are `limit` rows, or no more.
 *
 * `read` returns the page behind a token, empty for the first, and the next page's token, empty on the last.
 */
export async function readPages<Row>(
  { limit, all }: { limit: number; all: boolean },
  read: (pageToken: string, pageSize: number) => Promise<{ rows: Row[]; nextPageToken: string }>,
): Promise<{ rows: Row[]; more: boolean; note?: string }> {
  const rows: Row[] = [];
  let pageToken = "";
  // One row over the limit shows that there are more.
  const wanted = all ? Number.POSITIVE_INFINITY : limit + 1;
  do {
    const page = await read(pageToken, Math.min(1_000, wanted));
    rows.push(...page.rows);
    pageToken = page.nextPageToken;
  } while (pageToken !== "" && rows.length < wanted);
  if (rows.length < wanted) return { rows, more: false };
  const note = `Shows ${limit}; there are more. --limit N shows N, --all every one.`;
  return { rows: rows.slice(0, limit), more: true, note };
}

/** An instant in ISO 8601, or null for none. */
export function isoTime(time: Timestamp | undefined): string | null {
  return time ? timestampDate(time).toISOString() : null;
}

/** The name of an enum's value in lower case, as it stands in the proto without its prefix. */
export function nameOf(values: Record<string, number | string>, value: number): string {
  const found = Object.entries(values).find(([, number]) => number === value);
  return found ? found[0].toLowerCase() : String(value);
}

/** An answer that says how a change reached the edges. */
export interface Propagated {
  propagation?: Propagation | undefined;
}

/** How a change reached the edges, for --json. */
export function propagationJson(answer: Propagated) {
  const { acknowledgedCount = 0, waitedOutCount = 0, elapsedMs = 0 } = answer.propagation ?? {};
  return { acknowledged: acknowledgedCount, waited_out: waitedOutCount, elapsed_ms: Math.round(elapsedMs * 10) / 10 };
}

/** How a change reached the edges, in words. */
export function describePropagation(answer: Propagated): string {
  const { acknowledged, waited_out, elapsed_ms } = propagationJson(answer);
  const rest = waited_out > 0 ? `; ${waited_out} did not answer, and their leases have run out` : "";
  return `In force on all edges: ${acknowledged} of ${acknowledged + waited_out} acknowledged in ${elapsed_ms} ms${rest}.`;
}
