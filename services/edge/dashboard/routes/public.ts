import { z } from "zod";
import { MailLinkPurpose } from "../../../../gen/qrforge/auth/v1/mail_link_pb.ts";
import { SignUpMode } from "../../../../gen/qrforge/auth/v1/session_pb.ts";
import { bodyOf, noBody } from "../../api/requests.ts";
import { toTimeOrNull } from "../../api/responses/fields.ts";
import { type PublicRoute, publicRoute } from "../route.ts";
import { openSession } from "../session-info.ts";

const signUpsPerMinuteMax = 10;
/** Maximum number of link tokens that one address may try per minute. Guessing is hopeless, but each try costs a call. */
const tokensPerMinuteMax = 120;
const signUpModes: Record<number, string> = {
  [SignUpMode.OPEN]: "open",
  [SignUpMode.INVITED]: "invited",
  [SignUpMode.CLOSED]: "closed",
};
const purposes: Record<number, string> = {
  [MailLinkPurpose.SIGN_UP]: "sign-up",
  [MailLinkPurpose.PASSWORD_RESET]: "password-reset",
  [MailLinkPurpose.EMAIL_CHANGE]: "email-change",
};
const token = z.string().max(100);
const password = z.string().max(1_024);
const email = z.string().max(254);
const credentials = bodyOf({ email, password });
const tokenAndPassword = bodyOf({ token, password });

/** Operations of the dashboard without a session. */
export const publicRoutes: PublicRoute[] = [
  publicRoute({
    method: "GET",
    path: "/sign-up",
    body: noBody,
    async handle({ upstreams, wait }) {
      const { mode, hasMail } = await upstreams.sessions.getSignUpMode({}, wait);
      return { data: { mode: signUpModes[mode], has_mail: hasMail } };
    },
  }),
  publicRoute({
    method: "POST",
    path: "/sign-up",
    perMinuteMax: signUpsPerMinuteMax,
    // Without a password where mail is sent: it is set with the link of the mail.
    body: bodyOf({ email, password: password.optional() }),
    async handle({ body, address, upstreams, wait }) {
      const request = { email: body.email, password: body.password ?? "", address };
      const { needsMail } = await upstreams.sessions.signUp(request, wait);
      return { data: { needs_mail: needsMail } };
    },
  }),
  publicRoute({
    method: "POST",
    path: "/sign-up/confirm",
    perMinuteMax: tokensPerMinuteMax,
    body: tokenAndPassword,
    async handle({ body, ...call }) {
      const { address, browser } = call;
      const { session } = await call.upstreams.mailLinks.confirmSignUp({ ...body, address, browser }, call.wait);
      return openSession(session, call);
    },
  }),
  publicRoute({
    method: "POST",
    path: "/password-reset",
    perMinuteMax: signUpsPerMinuteMax,
    body: bodyOf({ email }),
    async handle({ body, address, upstreams, wait }) {
      await upstreams.mailLinks.requestPasswordReset({ ...body, address }, wait);
      return { data: {} };
    },
  }),
  publicRoute({
    method: "POST",
    path: "/password-reset/confirm",
    perMinuteMax: tokensPerMinuteMax,
    body: tokenAndPassword,
    async handle({ body, ...call }) {
      const { address, browser } = call;
      const { session } = await call.upstreams.mailLinks.resetPassword({ ...body, address, browser }, call.wait);
      return openSession(session, call);
    },
  }),
  publicRoute({
    method: "POST",
    path: "/email/confirm",
    perMinuteMax: tokensPerMinuteMax,
    body: bodyOf({ token, password: password.default("") }),
    async handle({ body, address, upstreams, wait }) {
      const { email } = await upstreams.mailLinks.confirmEmail({ ...body, address }, wait);
      return { data: { email } };
    },
  }),
  publicRoute({
    method: "POST",
    path: "/mail-link",
    perMinuteMax: tokensPerMinuteMax,
    body: bodyOf({ token }),
    async handle({ body, upstreams, wait }) {
      const { purpose, email, expireTime } = await upstreams.mailLinks.getMailLink(body, wait);
      return { data: { purpose: purposes[purpose], email, expires_at: toTimeOrNull(expireTime) } };
    },
  }),
  publicRoute({
    method: "POST",
    path: "/invitation",
    perMinuteMax: tokensPerMinuteMax,
    body: bodyOf({ token }),
    async handle({ body, upstreams, wait }) {
      const { email, expireTime } = await upstreams.invitations.getInvitation(body, wait);
      return { data: { email, expires_at: toTimeOrNull(expireTime) } };
    },
  }),
  publicRoute({
    method: "POST",
    path: "/invitation/accept",
    perMinuteMax: tokensPerMinuteMax,
    body: tokenAndPassword,
    async handle({ body, ...call }) {
      const { address, browser } = call;
      const { session } = await call.upstreams.invitations.acceptInvitation({ ...body, address, browser }, call.wait);
      return openSession(session, call);
    },
  }),
  publicRoute({
    method: "POST",
    path: "/session",
    body: credentials,
    async handle({ body, ...call }) {
      const { address, browser } = call;
      const { session } = await call.upstreams.sessions.signIn({ ...body, address, browser }, call.wait);
      return openSession(session, call);
    },
  }),
  publicRoute({
    method: "POST",
    path: "/session/link",
    perMinuteMax: tokensPerMinuteMax,
    body: bodyOf({ token }),
    async handle({ body, ...call }) {
      const { address, browser } = call;
      const { session } = await call.upstreams.sessions.redeemSignInLink({ ...body, address, browser }, call.wait);
      return openSession(session, call);
    },
  }),
];
