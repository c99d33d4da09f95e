import { timestampDate } from "@bufbuild/protobuf/wkt";
import type { Session } from "../../../gen/qrforge/auth/v1/session_pb.ts";
import { reachOf } from "../../../platform/short-url-base.ts";
import { required } from "../api/responses/fields.ts";
import { csrfToken } from "./csrf.ts";
import { toAccountResponse } from "./responses/account.ts";
import type { RouteCall, SessionAnswer, SignedInUser } from "./route.ts";

/** Returns the account of a session, and its CSRF token. */
export async function sessionInfo(user: Omit<SignedInUser, "email" | "limits" | "activeCodesMax">, call: RouteCall) {
  const { upstreams, shortUrlBase, abuseContact, wait } = call;
  const { account } = await upstreams.accounts.getAccount({ accountId: user.accountId }, wait);
  return {
    ...toAccountResponse(required(account, "an account")),
    has_password: user.hasPassword,
    may_set_password: user.maySetPassword,
    may_change_email: user.mayChangeEmail,
    csrf_token: csrfToken(user.token),
    short_urls: { base: shortUrlBase, reach: reachOf(shortUrlBase) },
    abuse_contact: abuseContact?.text ?? null,
  };
}

/** Returns the response that sets the session cookie. */
export async function openSession(session: Session | undefined, call: RouteCall): Promise<SessionAnswer> {
  if (!session?.expireTime) throw new Error("auth answered without a session");
  const { token, accountId } = session;
  const resolved = await call.upstreams.sessions.resolveSession({ token }, call.wait);
  const data = await sessionInfo({ ...resolved, token, accountId }, call);
  return { data, session: { token: session.token, expiresAt: timestampDate(session.expireTime) } };
}
