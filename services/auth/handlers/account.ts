import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { type AccountSchema, AccountService, Plan } from "../../../gen/qrforge/auth/v1/account_pb.ts";
import { type FieldIssue, throwIfFieldIssues } from "../../../platform/errors.ts";
import { newId } from "../../../platform/ids.ts";
import type { LogEntries, Propagation } from "../../../platform/lease/protocol.ts";
import { toPropagation } from "../../../platform/lease/service.ts";
import type { PageTokens } from "../../../platform/postgres/page-tokens.ts";
import { pageSize } from "../../../platform/postgres/pagination.ts";
import { type CallContext, type Implementation, implement } from "../../../platform/rpc/server.ts";
import type { Actor } from "../domain/audit.ts";
import { normalizeEmail, type PlanName } from "../domain/plans.ts";
import type { HandOver } from "../jobs/takedowns.ts";
import type { AccountRow, AccountStore } from "../store/accounts.ts";
import { requestActor } from "./actor.ts";
import { readEmail, readPlan, toLimits, validId } from "./requests.ts";
import { handOverInTime } from "./takedown.ts";

const planNumbers: Record<PlanName, Plan> = { free: Plan.FREE, pro: Plan.PRO, enterprise: Plan.ENTERPRISE };

export interface AccountDependencies {
  accounts: AccountStore;
  /** Resolves when no edge uses what these log entries name any more. */
  propagate(entries: LogEntries): Promise<Propagation>;
  pageTokens: PageTokens;
  /** Hands over to qr whether the account's codes are taken down. */
  handOver: HandOver;
}

/** Creates the handlers of AccountService. */
export function createAccountService(dependencies: AccountDependencies): Implementation {
  const { accounts, propagate, pageTokens, handOver } = dependencies;
  /** Returns the answer to a change once every edge follows it. */
  async function propagated({ account, entries }: { account: AccountRow; entries: LogEntries }) {
    return { account: toAccount(account), propagation: toPropagation(await propagate(entries)) };
  }

  /** Disables or enables an account, for its keys and its codes at the same time. */
  async function setDisabled(
    request: { accountId: string; actor?: Actor | undefined },
    context: CallContext,
    disabled: boolean,
  ) {
    const accountId = validId(request.accountId, "account");
    const changed = await accounts.setDisabled(requestActor(request, context), accountId, disabled);
    const done = disabled
      ? "The account is disabled and none of its keys and sessions works"
      : "The account is enabled and its keys work again";
    const handedOver = handOverInTime(handOver, changed.takedowns, context, done);
    // What is done is said once it is true: the keys come first.
    handedOver.catch(() => {});
    const answer = await propagated(changed);
    return { ...answer, codePropagation: await handedOver };
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

    disableAccount: (request, context) => setDisabled(request, context, true),
    enableAccount: (request, context) => setDisabled(request, context, false),
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
