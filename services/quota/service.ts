import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { Limits as LimitsMessage } from "../../gen/qrforge/common/v1/limits_pb.ts";
import { type QuotaDecisionSchema, QuotaService, Window } from "../../gen/qrforge/quota/v1/quota_pb.ts";
import { Failure } from "../../platform/errors.ts";
import { type Implementation, implement } from "../../platform/rpc/server.ts";
import type { Charge, TimedDecision } from "./charger.ts";
import type { Store } from "./store.ts";
import { type Limits, refusedBy, resetsIn } from "./window.ts";

const requestsPerCallMax = 1_000;
const costMax = 1_000;
const perMinuteMax = 1_000_000_000;
const perDayMax = 1_000_000_000_000;
const windows = { none: Window.UNSPECIFIED, minute: Window.MINUTE, day: Window.DAY };

export interface QuotaDependencies {
  store: Store;
  charge: Charge;
}

/** The handlers of quota's service. */
export function createQuotaService({ store, charge }: QuotaDependencies): Implementation[] {
  return [
    implement(QuotaService, {
      async batchConsumeQuota({ requests }, context) {
        if (requests.length === 0 || requests.length > requestsPerCallMax) {
          throw new Failure("INVALID_REQUEST", `requests must hold 1 to ${requestsPerCallMax} requests`);
        }
        const asks = requests.map(({ accountId, cost, limits }) => {
          if (cost < 1 || cost > costMax) throw new Failure("INVALID_REQUEST", `cost must be from 1 to ${costMax}`);
          return { accountId: accountIdOf(accountId), cost, limits: readLimits(limits) };
        });
        const decisions = await charge(asks, context.remainingMs());
        const decideMs = Math.max(...decisions.map(({ nowMs }) => nowMs));
        return { decisions: decisions.map((one) => toDecision(one, decideMs)), decideTime: timestampFromMs(decideMs) };
      },
      async peekQuota({ accountId, limits }) {
        const row = await store.read(accountIdOf(accountId));
        const { minuteS, dayS } = resetsIn(row.nowMs, row);
        const decision = {
          ...row,
          refusedBy: refusedBy({ cost: 1, limits: readLimits(limits) }, row),
          minuteResetS: minuteS,
          dayResetS: dayS,
        };
        return { decision: toDecision(decision, row.nowMs), decideTime: timestampFromMs(row.nowMs) };
      },
    }),
  ];
}

function accountIdOf(accountId: string): string {
  if (!/^[0-9A-Za-z]{1,40}$/.test(accountId))
    throw new Failure("INVALID_REQUEST", "account_id must be an account's id");
  return accountId;
}

/** Unset limits are unlimited. */
function readLimits(limits: LimitsMessage | undefined): Limits {
  const perMinute = Number(limits?.perMinute ?? 0);
  const perDay = Number(limits?.perDay ?? 0);
  if (perMinute < 0 || perMinute > perMinuteMax || perDay < 0 || perDay > perDayMax) {
    throw new Failure("INVALID_REQUEST", `limits must be from 0 to ${perMinuteMax} a minute and ${perDayMax} a day`);
  }
  return { perMinute, perDay };
}

/** A decision, with its seconds counted from `decideMs`: a call may be decided by more than one statement. */
function toDecision(decision: TimedDecision, decideMs: number): MessageInitShape<typeof QuotaDecisionSchema> {
  const laterS = Math.floor(decideMs / 1000) - Math.floor(decision.nowMs / 1000);
  return {
    refusedBy: windows[decision.refusedBy],
    minuteUsed: BigInt(decision.minuteUsed),
    dayUsed: BigInt(decision.dayUsed),
    minuteResetS: Math.max(0, decision.minuteResetS - laterS),
    dayResetS: Math.max(0, decision.dayResetS - laterS),
  };
}
