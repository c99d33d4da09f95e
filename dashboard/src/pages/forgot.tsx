import { useEffect } from "react";
import { MailRequestForm } from "../components/mail-request.tsx";
import { messages } from "../messages.ts";

/** For who has forgotten the password: has a mail sent that sets a new one. */
export function ForgotPage() {
  useEffect(() => {
    document.title = `${messages.forgot.title} · QRForge`;
  }, []);
  return (
    <main className="alone">
      <h1>QRForge</h1>
      <div className="card sign-in">
        <h2>{messages.forgot.title}</h2>
        <MailRequestForm path="/password-reset" submit={messages.forgot.submit} hint={messages.forgot.hint} />
      </div>
      <p>
        <a href="#/codes">{messages.invitation.toSignIn}</a>
      </p>
    </main>
  );
}
