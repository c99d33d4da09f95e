import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { type AccountSchema, AccountService, Plan } from "../../../gen/qrforge/auth/v1/account_pb.ts";
import { type FieldIssue, throwIfFieldIssues } from "../../../platform/errors.ts";
import { newId } from "../../../platform/ids.ts";
import type { LogEntries, Propagation } from "../../../platform/lease/protocol.ts";
import { toPropagation } from "../../../platform/lease/service.ts";
import type { PageTokens } from "../../../platform/postgres/page-tokens.ts";
import { pageSize } from "../../../platform/postgres/pagination.ts";
import { type Implementation, implement } from "../../../platform/rpc/server.ts";
import { normalizeEmail, type PlanName } from "../domain/plans.ts";
import type { AccountRow, AccountStore } from "../store/accounts.ts";
import { requestActor } from "./actor.ts";
import { readEmail, readPlan, toLimits, validId } from "./requests.ts";

const planNumbers: Record<PlanName, Plan> = { free: Plan.FREE, pro: Plan.PRO, enterprise: Plan.ENTERPRISE };

export interface AccountDependencies {
  accounts: AccountStore;
  /** Resolves when no edge uses what these log entries name any more. */
  propagate(entries: LogEntries): Promise<Propagation>;
  pageTokens: PageTokens;
}

/** Creates the handlers of AccountService. */
export function createAccountService({ accounts, propagate, pageTokens }: AccountDependencies): Implementation {
  /** Returns the answer to a change once every edge follows it. */
  async function propagated({ account, entries }: { account: AccountRow; entries: LogEntries }) {
    return { account: toAccount(account), propagation: toPropagation(await propagate(entries)) };
  }

  return implement(AccountService, {
    async createAccount(request, context) {
      const issues: FieldIssue[] = [];
      const email = readEmail(request.email, issues);
      const { plan, limits } = readPlan(request, issues);
      const account = await accounts.create(requestActor(request, context), {
        accountId: newId(),
        email,
        plan,
        ...limits,
      });
      return { account: toAccount(account) };
    },

    async getAccount({ accountId, email }) {
      const found =
        accountId === "" && email !== ""
          ? accounts.getByEmail(normalizeEmail(email) ?? "")
          : accounts.get(validId(accountId, "account"));
      return { account: toAccount(await found) };
    },

    async setAccountEmail(request, context) {
      const issues: FieldIssue[] = [];
      const email = readEmail(request.email, issues);
      throwIfFieldIssues(issues);
      const accountId = validId(request.accountId, "account");
      return { account: toAccount(await accounts.setEmail(requestActor(request, context), accountId, email)) };
    },

    async listAccounts(request) {
      const size = pageSize(request.pageSize, { fallback: 100, max: 1_000 });
      const list = ["accounts"];
      const page = await accounts.list(size, await pageTokens.decode(list, request.pageToken));
      return { accounts: page.rows.map(toAccount), nextPageToken: await pageTokens.encode(list, page.next) };
    },

    async setAccountPlan(request, context) {
      const { plan, limits } = readPlan(request);
      const accountId = validId(request.accountId, "account");
      return propagated(await accounts.setPlan(requestActor(request, context), accountId, plan, limits));
    },

    async disableAccount(request, context) {
      const accountId = validId(request.accountId, "account");
      return propagated(await accounts.setDisabled(requestActor(request, context), accountId, true));
    },

    async enableAccount(request, context) {
      const accountId = validId(request.accountId, "account");
      return propagated(await accounts.setDisabled(requestActor(request, context), accountId, false));
    },
  });
}

function toAccount(row: AccountRow): MessageInitShape<typeof AccountSchema> {
  return {
    accountId: row.accountId,
    email: row.email,
    plan: planNumbers[row.plan],
    limits: toLimits(row),
    disabled: row.disabled,
    createTime: timestampFromDate(row.createdAt),
  };
}
