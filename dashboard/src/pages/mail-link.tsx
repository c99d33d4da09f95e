import { useMutation } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { useLocation } from "wouter";
import { ask, type MailLink } from "../api.ts";
import { Button, Failed, Field, Time } from "../components/basics.tsx";
import { NewPasswordForm } from "../components/new-password.tsx";
import { OpenedLink } from "../components/opened-link.tsx";
import { messages } from "../messages.ts";
import { useSetSession } from "../session.ts";

const { mailLink } = messages;

/** For who opens the link of a mail. Nothing is done before a click: programs that check mails open links, too. */
export function MailLinkPage({ token }: { token: string }) {
  return (
    <OpenedLink<MailLink> path="/mail-link" token={token} title={mailLink.title}>
      {({ purpose, email, expires_at }) => {
        const until = (
          <>
            {mailLink.until} <Time value={expires_at} />.
          </>
        );
        if (purpose === "email-change") return <EmailForm token={token} email={email} until={until} />;
        const isNew = purpose === "sign-up";
        return (
          <NewPasswordForm
            path={isNew ? "/sign-up/confirm" : "/password-reset/confirm"}
            token={token}
            email={email}
            texts={isNew ? mailLink.signUp : mailLink.reset}
          >
            {until}
          </NewPasswordForm>
        );
      }}
    </OpenedLink>
  );
}

function EmailForm({ token, email, until }: { token: string; email: string; until: React.ReactNode }) {
  const [, navigate] = useLocation();
  const setSession = useSetSession();
  const [password, setPassword] = useState("");
  const { mutate, isPending, isSuccess, error } = useMutation({
    mutationFn: () => ask("POST", "/email/confirm", { body: { token, password } }),
  });
  function submit(event: FormEvent): void {
    event.preventDefault();
    mutate();
  }
  function leave(): void {
    // Every session of the account has ended.
    setSession(null);
    navigate("/codes", { replace: true });
  }
  return (
    <div className="card sign-in">
      <h2>{mailLink.email.title}</h2>
      {isSuccess ? (
        <>
          <p role="status">{mailLink.email.done(email)}</p>
          <Button kind="primary" onClick={leave}>
            {messages.invitation.toSignIn}
          </Button>
        </>
      ) : (
        <>
          <p>{mailLink.email.lead(email)}</p>
          <form onSubmit={submit}>
            <Field
              label={messages.signIn.password}
              type="password"
              autoComplete="current-password"
              hint={mailLink.email.passwordHint}
              value={password}
              onChange={(event) => setPassword(event.target.value)}
            />
            <Failed error={error} />
            <Button type="submit" kind="primary" busy={isPending}>
              {mailLink.email.submit}
            </Button>
          </form>
          <p className="muted">{until}</p>
        </>
      )}
    </div>
  );
}
