import type { Invitation } from "../api.ts";
import { Time } from "../components/basics.tsx";
import { NewPasswordForm } from "../components/new-password.tsx";
import { OpenedLink } from "../components/opened-link.tsx";
import { messages } from "../messages.ts";

/** For who opens an operator's invitation: sets the password of the new account and signs in to it. */
export function InvitationPage({ token }: { token: string }) {
  return (
    <OpenedLink<Invitation> path="/invitation" token={token} title={messages.invitation.title}>
      {({ email, expires_at }) => (
        <NewPasswordForm path="/invitation/accept" token={token} email={email} texts={messages.invitation}>
          {messages.invitation.until} <Time value={expires_at} />.
        </NewPasswordForm>
      )}
    </OpenedLink>
  );
}
