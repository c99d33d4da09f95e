import { useState } from "react";
import { type Code, imageUrl } from "../api.ts";
import { useConnection } from "../connection.ts";
import { messages } from "../messages.ts";
import { Button } from "./basics.tsx";

/** The symbol of a code. If it does not arrive, it is asked for again when the edge is back, or by a button. */
export function SymbolImage({
  code,
  size,
  alt,
  isThumbnail = false,
}: {
  code: Code;
  /** Of the picture that is asked for, in px. */
  size: number;
  alt: string;
  isThumbnail?: boolean;
}) {
  const { returns } = useConnection();
  const [tries, setTries] = useState(0);
  const attempt = `${code.updated_at} ${returns} ${tries}`;
  const [failed, setFailed] = useState("");
  if (code.status === "archived") {
    if (isThumbnail) return <span className="no-symbol" title={messages.code.archivedSymbol} />;
    return <p className="no-symbol">{messages.code.archivedSymbol}</p>;
  }
  if (failed === attempt) {
    if (isThumbnail) return <span className="no-symbol" title={messages.code.noSymbol} />;
    return (
      <div className="no-symbol" role="alert">
        <p>{messages.code.noSymbol}</p>
        <Button onClick={() => setTries(tries + 1)}>{messages.retry}</Button>
      </div>
    );
  }
  return (
    <img
      key={attempt}
      src={imageUrl(code, `format=svg&size=${size}`)}
      alt={alt}
      onError={() => setFailed(attempt)}
      {...(isThumbnail && { width: 44, height: 44, loading: "lazy" as const })}
    />
  );
}
