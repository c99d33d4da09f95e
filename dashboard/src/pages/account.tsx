import { useMutation } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { type Account, ApiError, ask } from "../api.ts";
import { useAnnounce } from "../components/announcer.tsx";
import { Button, Failed, Field, PageHead } from "../components/basics.tsx";
import { Dialog } from "../components/dialog.tsx";
import { useUnsaved } from "../components/unsaved.tsx";
import { leave } from "../leaving.ts";
import { messages } from "../messages.ts";
import { useSession, useSetSession } from "../session.ts";

export default function AccountPage() {
  const { account } = useSession();
  const setSession = useSetSession();
  const [isAsking, setAsking] = useState(false);
  const everywhere = useMutation({
    mutationFn: () => ask("DELETE", "/sessions"),
    onSuccess: () => setSession(null),
  });
  if (!account) return null;
  return (
    <>
      <PageHead title={messages.account.title} />
      <div className="card">
        <dl>
          <dt>{messages.signIn.email}</dt>
          <dd>{account.email}</dd>
          <dt>{messages.account.id}</dt>
          <dd className="mono">{account.id}</dd>
        </dl>
      </div>
      {account.may_change_email && <EmailForm needsPassword={!account.may_set_password} email={account.email} />}
      <PasswordForm canSet={account.may_set_password} email={account.email} />
      <section className="card">
        <h2>{messages.account.sessions}</h2>
        <p>{messages.account.everywhereHint}</p>
        <Button kind="danger" onClick={() => setAsking(true)}>
          {messages.account.everywhere}
        </Button>
      </section>
      {isAsking && (
        <Dialog title={messages.account.everywhere} onClose={() => setAsking(false)}>
          <p>{messages.account.everywhereQuestion}</p>
          <Failed error={everywhere.error} />
          <div className="actions">
            <Button kind="danger" busy={everywhere.isPending} onClick={() => leave(everywhere.mutate)}>
              {messages.account.everywhere}
            </Button>
            <Button onClick={() => setAsking(false)}>{messages.cancel}</Button>
          </div>
        </Dialog>
      )}
    </>
  );
}

/** Has a mail sent to a new address, whose link puts it in place of the old one. */
function EmailForm({ needsPassword, email }: { needsPassword: boolean; email: string }) {
  const [next, setNext] = useState("");
  const [password, setPassword] = useState("");
  const [sentTo, setSentTo] = useState("");
  useUnsaved(next !== "");
  const { mutate, isPending, error } = useMutation({
    mutationFn: () => ask("POST", "/email", { body: { email: next, password } }),
    onSuccess() {
      setSentTo(next);
      setNext("");
      setPassword("");
    },
  });
  const issue = error instanceof ApiError ? error.issueOf("email") : undefined;
  const wrong = error instanceof ApiError && error.status === 401 ? new Error(messages.account.wrong) : error;
  function submit(event: FormEvent): void {
    event.preventDefault();
    setSentTo("");
    mutate();
  }
  return (
    <form className="card" onSubmit={submit}>
      <h2>{messages.mailLink.email.title}</h2>
      <Field
        label={messages.account.newEmail}
        type="email"
        required
        autoComplete="off"
        value={next}
        onChange={(event) => setNext(event.target.value)}
        hint={messages.account.newEmailHint}
        issue={issue}
      />
      {needsPassword && (
        <>
          <input type="email" autoComplete="username" value={email} readOnly hidden />
          <Field
            label={messages.account.confirm}
            type="password"
            required
            autoComplete="current-password"
            value={password}
            onChange={(event) => setPassword(event.target.value)}
          />
        </>
      )}
      {!issue && <Failed error={wrong} />}
      {sentTo !== "" && <p role="status">{messages.mailLink.sent(sentTo)}</p>}
      <Button type="submit" busy={isPending}>
        {messages.signUp.byMail}
      </Button>
    </form>
  );
}

function PasswordForm({ canSet, email }: { canSet: boolean; email: string }) {
  const setSession = useSetSession();
  const announce = useAnnounce();
  const [before, setBefore] = useState("");
  const [after, setAfter] = useState("");
  useUnsaved(before !== "" || after !== "");
  const { mutate, isPending, error } = useMutation({
    mutationFn: () => ask<Account>("POST", "/password", { body: { old_password: before, new_password: after } }),
    onSuccess({ data }) {
      setSession(data);
      setBefore("");
      setAfter("");
      announce(messages.account.changed);
    },
  });
  const issue = error instanceof ApiError ? error.issueOf("new_password") : undefined;
  const wrong = error instanceof ApiError && error.status === 401 ? new Error(messages.account.wrong) : error;
  function submit(event: FormEvent): void {
    event.preventDefault();
    mutate();
  }
  return (
    <form className="card" onSubmit={submit}>
      <h2>{canSet ? messages.account.set : messages.account.change}</h2>
      <input type="email" autoComplete="username" value={email} readOnly hidden />
      {!canSet && (
        <Field
          label={messages.account.before}
          type="password"
          required
          autoComplete="current-password"
          value={before}
          onChange={(event) => setBefore(event.target.value)}
        />
      )}
      <Field
        label={messages.account.after}
        type="password"
        required
        autoComplete="new-password"
        value={after}
        onChange={(event) => setAfter(event.target.value)}
        hint={messages.signUp.passwordHint}
        issue={issue}
      />
      {!issue && <Failed error={wrong} />}
      <Button type="submit" kind="primary" busy={isPending}>
        {canSet ? messages.account.set : messages.account.change}
      </Button>
    </form>
  );
}
