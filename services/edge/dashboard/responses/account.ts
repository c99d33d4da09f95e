import { type Account, Plan } from "../../../../gen/qrforge/auth/v1/account_pb.ts";
import { toTime, wordOf } from "../../api/responses/fields.ts";

const plans = ["free", "pro", "enterprise"] as const;
const planNumbers = { free: Plan.FREE, pro: Plan.PRO, enterprise: Plan.ENTERPRISE };

/** Schema of an account for its owner; a null limit is unlimited. */
export interface AccountResponse {
  id: string;
  email: string;
  plan: (typeof plans)[number];
  per_minute: number | null;
  per_day: number | null;
  created_at: string;
}

export function toAccountResponse(account: Account): AccountResponse {
  return {
    id: account.accountId,
    email: account.email,
    plan: wordOf(plans, planNumbers, account.plan),
    per_minute: Number(account.limits?.perMinute ?? 0n) || null,
    per_day: Number(account.limits?.perDay ?? 0n) || null,
    created_at: toTime(account.createTime),
  };
}
