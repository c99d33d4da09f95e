import type { IncomingHttpHeaders } from "node:http";
import type { z } from "zod";
import { CreatedVia } from "../../gen/qrforge/qr/v1/project_pb.ts";
import { describeFields, Failure, type Reason } from "../../platform/errors.ts";
import { hashKey, readKey } from "./credentials.ts";
import type { createFailureLimit } from "./failure-limit.ts";
import { readIdempotencyKey } from "./idempotency.ts";
import type { KeyUse } from "./key-use.ts";
import type { AccountLimits, Metered } from "./rate-limit.ts";
import type { Route, RouteAnswer } from "./route.ts";
import { issuesOf } from "./schemas.ts";
import type { Turns } from "./turns.ts";
import type { Upstreams } from "./upstreams.ts";

/** A call of the public API, however it came. */
export interface ApiCall {
  /** With names in small letters. */
  headers: IncomingHttpHeaders;
  /** The client's. */
  address: string;
  /** Milliseconds left for everything that is asked on its behalf. */
  remainingMs(): number;
}

/** Who calls. */
export interface Caller {
  accountId: string;
  keyId: string;
  limits: AccountLimits;
  /** By which door it came. */
  createdVia: CreatedVia;
}

/** What every call passes, in this order, over REST and over gRPC. */
export interface Gatekeeper {
  /** Tells whose the key is. Fails with UNAUTHORIZED or API_KEY_INACTIVE, or RATE_LIMIT_MINUTE for who guesses keys. */
  authenticate(call: ApiCall): Promise<Caller>;
  /** Charges an authenticated call. A refusal is an answer, and has charged nothing. */
  meter(call: ApiCall, caller: Caller, cost: number): Promise<Metered>;
  /** Checks what came against the route's schemas and does what it asks. */
  perform(route: Route, call: ApiCall, caller: Caller, metered: Metered, input: RouteArguments): Promise<RouteAnswer>;
}

/** What a route is called with, as it came. */
export interface RouteArguments {
  params: unknown;
  query: unknown;
  body: unknown;
}

export interface GatekeeperOptions {
  upstreams: Upstreams;
  keyUse: KeyUse;
  failureLimit: ReturnType<typeof createFailureLimit>;
  turns: Turns;
}

/** Details that one refusal lists at most, and characters of a field's name that it repeats. */
const detailsMax = 50;
const fieldNameMax = 100;

export function createGatekeeper({ upstreams, keyUse, failureLimit, turns }: GatekeeperOptions): Gatekeeper {
  return {
    async authenticate({ headers, address, remainingMs }) {
      const hash = hashKey(readKey(headers));
      failureLimit.check(address, Date.now());
      const answer = await upstreams.resolveKey(hash, { deadlineMs: remainingMs() });
      if (answer.verdict === "unknown") failureLimit.note(address, hash, Date.now());
      if (answer.verdict !== "active") throw refusals[answer.verdict]();
      keyUse.note(answer.keyId);
      return { ...answer, createdVia: CreatedVia.API };
    },
    meter: ({ remainingMs }, { accountId, keyId, limits }, cost) =>
      turns.run(accountId, { deadlineMs: remainingMs() }, () =>
        upstreams.consume({ accountId, keyId, cost, limits }, { deadlineMs: remainingMs() }),
      ),
    async perform(route, { headers, remainingMs }, caller, metered, input) {
      const body = route.body ? parse(route.body, input.body, "INVALID_PAYLOAD") : undefined;
      const isPost = route.method === "POST";
      const given = {
        ...caller,
        metered,
        params: parse(route.params, input.params, "INVALID_REQUEST"),
        query: parse(route.query, input.query, "INVALID_REQUEST"),
        body: body as never,
        ifMatch: headers["if-match"],
        ifNoneMatch: headers["if-none-match"],
        accept: headers.accept,
        idempotency: isPost ? readIdempotencyKey(headers["idempotency-key"], route.operation, body) : undefined,
        upstreams,
      };
      return await turns.run(caller.accountId, { deadlineMs: remainingMs() }, () =>
        route.handle({ ...given, deadlineMs: remainingMs() }),
      );
    },
  };
}

const refusals = {
  unknown: () => new Failure("UNAUTHORIZED"),
  revoked: () => new Failure("API_KEY_INACTIVE"),
  account_disabled: () => new Failure("API_KEY_INACTIVE", "The account of this API key is disabled."),
};

/** Throws the failure that a metered call is refused with, if it is. */
export function refuseIfSpent({ refusedBy }: Metered): void {
  if (refusedBy === "minute") throw new Failure("RATE_LIMIT_MINUTE");
  if (refusedBy === "day") throw new Failure("RATE_LIMIT_DAY");
}

/** A value as a schema makes it. Fails with the reason, naming the fields at fault. */
export function parse(schema: z.ZodType, value: unknown, reason: Reason): never {
  const result = schema.safeParse(value, { reportInput: true });
  if (result.success) return result.data as never;
  const issues = issuesOf(result.error)
    .slice(0, detailsMax)
    .map(({ field, issue }) => ({ field: field.slice(0, fieldNameMax), issue }));
  const fields = issues.filter(({ field }) => field !== "");
  const message = fields.length > 0 ? describeFields(fields) : `The body ${issues[0]?.issue}.`;
  throw new Failure(reason, message, { fields });
}
