import { resourceIdPattern } from "../../../contracts/resource-id.ts";
import { Plan } from "../../../gen/qrforge/auth/v1/account_pb.ts";
import type { Limits } from "../../../gen/qrforge/common/v1/limits_pb.ts";
import { describeFields, type FieldIssue, ServiceError } from "../../../platform/errors.ts";
import { isPlainAddress } from "../../../platform/mail/address.ts";
import { limitsOf, normalizeEmail, type PlanLimits, type PlanName } from "../domain/plans.ts";

const planNames: Partial<Record<Plan, PlanName>> = {
  [Plan.FREE]: "free",
  [Plan.PRO]: "pro",
  [Plan.ENTERPRISE]: "enterprise",
};

const emailIssue: FieldIssue = { field: "email", issue: "must be an e-mail address of at most 254 characters" };

/** Returns an id that may exist. Throws NOT_FOUND, as a lookup would, if it has not the form of one. */
export function validId(id: string, what: "account" | "key"): string {
  if (!resourceIdPattern.test(id)) throw new ServiceError("NOT_FOUND", `There is no such ${what}.`);
  return id;
}

/** Returns a new e-mail address in the form in which it is stored. Adds to `issues` if the text is none that mail can reach. */
export function readEmail(text: string, issues: FieldIssue[]): string {
  const email = normalizeEmail(text);
  if (email === undefined || !isPlainAddress(email)) issues.push(emailIssue);
  return email ?? "";
}

/** Returns the name of a browser as it is shown in mails; empty for one that could be anything. */
export function browserName(text: string): string {
  return /^[\p{L}\p{N}][\p{L}\p{N} ._-]{0,59}$/u.test(text) ? text : "";
}

/** Returns the plan and limits of a request. Throws INVALID_PAYLOAD with these issues and its own, if there are any. */
export function readPlan(request: { plan: Plan; limits?: Limits | undefined }, issues: FieldIssue[] = []) {
  const plan = planNames[request.plan];
  if (!plan) throw invalidPayload([...issues, { field: "plan", issue: "must be free, pro or enterprise" }]);
  const requested: PlanLimits | undefined = request.limits && {
    perMinute: Number(request.limits.perMinute),
    perDay: Number(request.limits.perDay),
  };
  const result = limitsOf(plan, requested);
  if ("issues" in result) throw invalidPayload([...issues, ...result.issues]);
  if (issues.length > 0) throw invalidPayload(issues);
  return { plan, limits: result.limits };
}

/** Returns limits as the protos have them. */
export function toLimits({ perMinute, perDay }: PlanLimits) {
  return { perMinute: BigInt(perMinute), perDay: BigInt(perDay) };
}

function invalidPayload(fields: FieldIssue[]): ServiceError {
  return new ServiceError("INVALID_PAYLOAD", describeFields(fields), { fields });
}
