import { leave } from "../leaving.ts";
import { CredentialsForm } from "../pages/sign-in.tsx";
import { text } from "../text.ts";
import { Dialog } from "./dialog.tsx";

/** For a session that has ended while something was not saved: what was entered waits behind it. */
export function SignInAgain({ email, onLeave }: { email: string; onLeave(): void }) {
  return (
    <Dialog title={text.signIn.again} onClose={() => leave(onLeave)}>
      <p>{text.signIn.ended}</p>
      <CredentialsForm initialEmail={email} />
    </Dialog>
  );
}
