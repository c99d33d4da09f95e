import { type ReactNode, useEffect, useState } from "react";
import { ask } from "../api.ts";
import { messages } from "../messages.ts";
import { Failed, Loading } from "./basics.tsx";

/** A page for who opens a link with a token: reads what the link is for, and shows it or why it does not work. */
export function OpenedLink<T>({
  path,
  token,
  title,
  children,
}: {
  path: string;
  token: string;
  title: string;
  children(link: T): ReactNode;
}) {
  const [link, setLink] = useState<T | null>(null);
  const [error, setError] = useState<Error | null>(null);
  useEffect(() => {
    document.title = `${title} · QRForge`;
    const leaving = new AbortController();
    setLink(null);
    setError(null);
    ask<T>("POST", path, { body: { token }, signal: leaving.signal }).then(
      ({ data }) => setLink(data),
      (failure) => !leaving.signal.aborted && setError(failure),
    );
    return () => leaving.abort();
  }, [path, token, title]);
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
      {link && children(link)}
      {!error && !link && <Loading />}
    </main>
  );
}
