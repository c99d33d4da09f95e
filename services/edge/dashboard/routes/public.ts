import { z } from "zod";
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
const token = z.string().max(100);
const password = z.string().max(1_024);
const credentials = bodyOf({ email: z.string().max(254), password });

/** Operations of the dashboard without a session. */
export const publicRoutes: PublicRoute[] = [
  publicRoute({
    method: "GET",
    path: "/sign-up",
    body: noBody,
    async handle({ upstreams, wait }) {
      const { mode } = await upstreams.sessions.getSignUpMode({}, wait);
      return { data: { mode: signUpModes[mode] } };
    },
  }),
  publicRoute({
    method: "POST",
    path: "/sign-up",
    perMinuteMax: signUpsPerMinuteMax,
    body: credentials,
    async handle({ body, address, upstreams, wait }) {
      await upstreams.sessions.signUp({ ...body, address }, wait);
      return { data: {} };
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
    body: bodyOf({ token, password }),
    async handle({ body, ...call }) {
      const { session } = await call.upstreams.invitations.acceptInvitation(
        { ...body, address: call.address },
        call.wait,
      );
      return openSession(session, call);
    },
  }),
  publicRoute({
    method: "POST",
    path: "/session",
    body: credentials,
    async handle({ body, ...call }) {
      const { session } = await call.upstreams.sessions.signIn({ ...body, address: call.address }, call.wait);
      return openSession(session, call);
    },
  }),
  publicRoute({
    method: "POST",
    path: "/session/link",
    perMinuteMax: tokensPerMinuteMax,
    body: bodyOf({ token }),
    async handle({ body, ...call }) {
      const { session } = await call.upstreams.sessions.redeemSignInLink(
        { token: body.token, address: call.address },
        call.wait,
      );
      return openSession(session, call);
    },
  }),
];
