import { useMutation } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { ApiError, ask } from "../api.ts";
import { messages } from "../messages.ts";
import { Button, Failed, Field } from "./basics.tsx";

/** Has a mail with a link sent to an address. The answer is the same whether or not the address has an account. */
export function MailRequestForm({ path, submit: label, hint }: { path: string; submit: string; hint: string }) {
  const [email, setEmail] = useState("");
  const { mutate, isPending, isSuccess, error } = useMutation({
    mutationFn: () => ask("POST", path, { body: { email } }),
  });
  const issue = error instanceof ApiError ? error.issueOf("email") : undefined;
  function submit(event: FormEvent): void {
    event.preventDefault();
    mutate();
  }
  if (isSuccess) return <p role="status">{messages.mailLink.sent(email)}</p>;
  return (
    <form onSubmit={submit}>
      <Field
        label={messages.signIn.email}
        type="email"
        autoComplete="username"
        required
        value={email}
        onChange={(event) => setEmail(event.target.value)}
        hint={hint}
        issue={issue}
      />
      {!issue && <Failed error={error} />}
      <Button type="submit" kind="primary" busy={isPending}>
        {label}
      </Button>
    </form>
  );
}
