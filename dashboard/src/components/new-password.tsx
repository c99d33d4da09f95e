import { useMutation } from "@tanstack/react-query";
import { type FormEvent, type ReactNode, useState } from "react";
import { useLocation } from "wouter";
import { type Account, ApiError, ask } from "../api.ts";
import { messages } from "../messages.ts";
import { useSetSession } from "../session.ts";
import { Button, Failed, Field } from "./basics.tsx";

/** Sets the password of an account by the token of a link, and signs in to it. */
export function NewPasswordForm({
  path,
  token,
  email,
  texts,
  children,
}: {
  path: string;
  token: string;
  email: string;
  texts: { title: string; lead(email: string): string; submit: string };
  children: ReactNode;
}) {
  const [, navigate] = useLocation();
  const setSession = useSetSession();
  const [password, setPassword] = useState("");
  const [isShown, setShown] = useState(false);
  const { mutate, isPending, error } = useMutation({
    mutationFn: () => ask<Account>("POST", path, { body: { token, password } }),
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
      <h2>{texts.title}</h2>
      <p>{texts.lead(email)}</p>
      <form onSubmit={submit}>
        <input type="email" autoComplete="username" value={email} readOnly hidden />
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
          {texts.submit}
        </Button>
      </form>
      <p className="muted">{children}</p>
    </div>
  );
}
