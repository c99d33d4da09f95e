import { useMutation } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { type Account, ApiError, ask } from "../api.ts";
import { leave } from "../leaving.ts";
import { useAnnounce } from "../parts/announcer.tsx";
import { Button, Failed, Field, PageHead } from "../parts/basics.tsx";
import { Dialog } from "../parts/dialog.tsx";
import { useUnsaved } from "../parts/unsaved.tsx";
import { useSession, useSetSession } from "../session.ts";
import { text } from "../text.ts";

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
      <PageHead title={text.account.title} />
      <div className="card">
        <dl>
          <dt>{text.signIn.email}</dt>
          <dd>{account.email}</dd>
          <dt>{text.account.id}</dt>
          <dd className="mono">{account.id}</dd>
        </dl>
      </div>
      <PasswordForm canSet={account.may_set_password} email={account.email} />
      <section className="card">
        <h2>{text.account.sessions}</h2>
        <p>{text.account.everywhereHint}</p>
        <Button kind="danger" onClick={() => setAsking(true)}>
          {text.account.everywhere}
        </Button>
      </section>
      {isAsking && (
        <Dialog title={text.account.everywhere} onClose={() => setAsking(false)}>
          <p>{text.account.everywhereQuestion}</p>
          <Failed error={everywhere.error} />
          <div className="actions">
            <Button kind="danger" busy={everywhere.isPending} onClick={() => leave(everywhere.mutate)}>
              {text.account.everywhere}
            </Button>
            <Button onClick={() => setAsking(false)}>{text.cancel}</Button>
          </div>
        </Dialog>
      )}
    </>
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
      announce(text.account.changed);
    },
  });
  const issue = error instanceof ApiError ? error.issueOf("new_password") : undefined;
  const wrong = error instanceof ApiError && error.status === 401 ? new Error(text.account.wrong) : error;
  function submit(event: FormEvent): void {
    event.preventDefault();
    mutate();
  }
  return (
    <form className="card" onSubmit={submit}>
      <h2>{canSet ? text.account.set : text.account.change}</h2>
      <input type="email" autoComplete="username" value={email} readOnly hidden />
      {!canSet && (
        <Field
          label={text.account.before}
          type="password"
          required
          autoComplete="current-password"
          value={before}
          onChange={(event) => setBefore(event.target.value)}
        />
      )}
      <Field
        label={text.account.after}
        type="password"
        required
        autoComplete="new-password"
        value={after}
        onChange={(event) => setAfter(event.target.value)}
        hint={text.signUp.passwordHint}
        issue={issue}
      />
      {!issue && <Failed error={wrong} />}
      <Button type="submit" kind="primary" busy={isPending}>
        {canSet ? text.account.set : text.account.change}
      </Button>
    </form>
  );
}
