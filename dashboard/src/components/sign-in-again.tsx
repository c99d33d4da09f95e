import { leave } from "../leaving.ts";
import { messages } from "../messages.ts";
import { CredentialsForm } from "../pages/sign-in.tsx";
import { Dialog } from "./dialog.tsx";

/** For a session that has ended while something was not saved: what was entered waits behind it. */
export function SignInAgain({ email, onLeave }: { email: string; onLeave(): void }) {
  return (
    <Dialog title={messages.signIn.again} onClose={() => leave(onLeave)}>
      <p>{messages.signIn.ended}</p>
      <CredentialsForm initialEmail={email} />
    </Dialog>
  );
}
