import { useMutation } from "@tanstack/react-query";
import { type FormEvent, useEffect, useState } from "react";
import { useLocation } from "wouter";
import { type Account, ApiError, ask, type Invitation } from "../api.ts";
import { Button, Failed, Field, Loading, Time } from "../components/basics.tsx";
import { messages } from "../messages.ts";
import { useSetSession } from "../session.ts";

/** For who opens an operator's invitation: sets the password of the new account and signs in to it. */
export function InvitationPage({ token }: { token: string }) {
  const [invitation, setInvitation] = useState<Invitation | null>(null);
  const [error, setError] = useState<Error | null>(null);
  useEffect(() => {
    document.title = `${messages.invitation.title} · QRForge`;
    const leaving = new AbortController();
    setInvitation(null);
    setError(null);
    ask<Invitation>("POST", "/invitation", { body: { token }, signal: leaving.signal }).then(
      ({ data }) => setInvitation(data),
      (failure) => !leaving.signal.aborted && setError(failure),
    );
    return () => leaving.abort();
  }, [token]);
  return (
    <main className="alone">
      <h1>QRForge</h1>
      {error && (
        <>
          <Failed error={error} />
          <p>
            <a href="#/codes">{messages.invitation.toSignIn}</a>
          </p>
        </>
      )}
      {invitation && <AcceptForm token={token} invitation={invitation} />}
      {!error && !invitation && <Loading />}
    </main>
  );
}

function AcceptForm({ token, invitation }: { token: string; invitation: Invitation }) {
  const [, navigate] = useLocation();
  const setSession = useSetSession();
  const [password, setPassword] = useState("");
  const [isShown, setShown] = useState(false);
  const { mutate, isPending, error } = useMutation({
    mutationFn: () => ask<Account>("POST", "/invitation/accept", { body: { token, password } }),
    onSuccess({ data }) {
      setSession(data);
      navigate("/codes", { replace: true });
    },
  });
  const issue = error instanceof ApiError ? error.issueOf("password") : undefined;
  function submit(event: FormEvent): void {
    event.preventDefault();
    mutate();
  }
  return (
    <div className="card sign-in">
      <h2>{messages.invitation.title}</h2>
      <p>{messages.invitation.lead(invitation.email)}</p>
      <form onSubmit={submit}>
        <input type="email" autoComplete="username" value={invitation.email} readOnly hidden />
        <Field
          label={messages.signIn.password}
          type={isShown ? "text" : "password"}
          autoComplete="new-password"
          required
          value={password}
          onChange={(event) => setPassword(event.target.value)}
          hint={messages.signUp.passwordHint}
          issue={issue}
        />
        <label className="check">
          <input type="checkbox" checked={isShown} onChange={(event) => setShown(event.target.checked)} />
          {messages.invitation.show}
        </label>
        {!issue && <Failed error={error} />}
        <Button type="submit" kind="primary" busy={isPending}>
          {messages.invitation.submit}
        </Button>
      </form>
      <p className="muted">
        {messages.invitation.until} <Time value={invitation.expires_at} />.
      </p>
    </div>
  );
}
