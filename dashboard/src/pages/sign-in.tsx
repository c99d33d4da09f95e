import { Tab, TabList, TabPanel, TabProvider } from "@ariakit/react";
import { useQuery } from "@tanstack/react-query";
import { type FormEvent, useEffect, useRef, useState } from "react";
import { useLocation } from "wouter";
import { type Account, ApiError, ask, read, type SignUp } from "../api.ts";
import { Button, Failed, Field, Loading } from "../components/basics.tsx";
import { MailRequestForm } from "../components/mail-request.tsx";
import { messages } from "../messages.ts";
import { useSetSession } from "../session.ts";

/** For who is not signed in: sign in, or make an account where anybody may. */
export function SignInPage() {
  const signUp = useQuery({
    queryKey: ["sign-up"],
    queryFn: async ({ signal }) => await read<SignUp>("/sign-up", signal),
    staleTime: 60_000,
    // Who has an account can sign in without this answer.
    retry: false,
  });
  useEffect(() => {
    document.title = `${messages.signIn.title} · QRForge`;
  }, []);
  return (
    <main className="alone">
      <div className="welcome">
        <h1>QRForge</h1>
        <p>{messages.signIn.lead}</p>
      </div>
      <div className="card sign-in">
        {signUp.isPending ? (
          <Loading />
        ) : signUp.data?.mode === "open" ? (
          <SignInOrUp hasMail={signUp.data.has_mail} />
        ) : (
          <SignInOnly signUp={signUp.data} />
        )}
      </div>
      <p className="muted">
        <a href="/docs">{messages.nav.docs}</a>
      </p>
    </main>
  );
}

function SignInOrUp({ hasMail }: { hasMail: boolean }) {
  return (
    <TabProvider defaultSelectedId="sign-in">
      <TabList aria-label={messages.signIn.title} className="tabs">
        <Tab id="sign-in">{messages.signIn.title}</Tab>
        <Tab id="sign-up">{messages.signUp.title}</Tab>
      </TabList>
      <TabPanel tabId="sign-in" unmountOnHide>
        <CredentialsForm key="sign-in" />
        <Forgot hasMail={hasMail} />
      </TabPanel>
      <TabPanel tabId="sign-up" unmountOnHide>
        {hasMail ? (
          <MailRequestForm path="/sign-up" submit={messages.signUp.byMail} hint={messages.signUp.byMailHint} />
        ) : (
          <CredentialsForm key="sign-up" isNew />
        )}
      </TabPanel>
    </TabProvider>
  );
}

/** What to do about a forgotten password. */
function Forgot({ hasMail }: { hasMail: boolean }) {
  return <p className="muted">{hasMail ? <a href="#/forgot">{messages.forgot.link}</a> : messages.forgot.noMail}</p>;
}

function SignInOnly({ signUp }: { signUp: SignUp | undefined }) {
  return (
    <>
      <h2>{messages.signIn.title}</h2>
      <CredentialsForm />
      {signUp && <Forgot hasMail={signUp.has_mail} />}
      {signUp && signUp.mode !== "open" && <p className="muted">{messages.signUp.modes[signUp.mode]}</p>}
    </>
  );
}

export function CredentialsForm({ isNew = false, initialEmail = "" }: { isNew?: boolean; initialEmail?: string }) {
  const setSession = useSetSession();
  const [email, setEmail] = useState(initialEmail);
  const [password, setPassword] = useState("");
  const [error, setError] = useState<Error | null>(null);
  const [isBusy, setBusy] = useState(false);
  const issueOf = (field: string) => (error instanceof ApiError ? error.issueOf(field) : undefined);

  async function submit(event: FormEvent): Promise<void> {
    event.preventDefault();
    setBusy(true);
    setError(null);
    try {
      if (isNew) await ask("POST", "/sign-up", { body: { email, password } });
      const { data } = await ask<Account>("POST", "/session", { body: { email, password } });
      setSession(data);
    } catch (failure) {
      // Nothing says whether an address has an account: not even this.
      const isTaken = isNew && failure instanceof ApiError && failure.status === 401;
      setError(isTaken ? new Error(messages.signUp.perhapsTaken) : (failure as Error));
      setBusy(false);
    }
  }
  const hasFieldIssue = issueOf("email") ?? issueOf("password");
  return (
    <form onSubmit={submit}>
      <Field
        label={messages.signIn.email}
        type="email"
        autoComplete="username"
        required
        value={email}
        onChange={(event) => setEmail(event.target.value)}
        issue={issueOf("email")}
      />
      <Field
        label={messages.signIn.password}
        type="password"
        autoComplete={isNew ? "new-password" : "current-password"}
        required
        value={password}
        onChange={(event) => setPassword(event.target.value)}
        hint={isNew ? messages.signUp.passwordHint : undefined}
        issue={issueOf("password")}
      />
      {!hasFieldIssue && <Failed error={error} />}
      <Button type="submit" kind="primary" busy={isBusy}>
        {isNew ? messages.signUp.submit : messages.signIn.submit}
      </Button>
    </form>
  );
}

/** Signs in by a link that an operator made; the link is used up by it. */
export function SignInWithLink({ token }: { token: string }) {
  const [, navigate] = useLocation();
  const setSession = useSetSession();
  const [error, setError] = useState<Error | null>(null);
  const hasBegun = useRef(false);
  // biome-ignore lint/correctness/useExhaustiveDependencies: a link is used once
  useEffect(() => {
    if (hasBegun.current) return;
    hasBegun.current = true;
    ask<Account>("POST", "/session/link", { body: { token } }).then(
      ({ data }) => {
        setSession(data);
        navigate("/codes", { replace: true });
      },
      (failure) => setError(failure),
    );
  }, [token]);
  return (
    <main className="alone">
      <h1>QRForge</h1>
      {error ? (
        <>
          <Failed error={error} />
          <p>
            <a href="#/codes">{messages.signIn.title}</a>
          </p>
        </>
      ) : (
        <Loading />
      )}
    </main>
  );
}
