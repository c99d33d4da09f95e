import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef } from "react";
import { probe, useConnection } from "../connection.ts";
import { useNow } from "../live.ts";
import { messages } from "../messages.ts";
import { Button } from "./basics.tsx";

const retryMs = 1_000;
const retryMsMax = 30_000;

/**
 * One bar for all that cannot be reached: it tries again by itself, and has everything on the page read again once there
 * is an answer.
 */
export function ConnectionBar() {
  const queries = useQueryClient();
  const { isReachable, failures, returns } = useConnection();
  useEffect(() => {
    // A browser says that it is offline also where QRForge runs on the same machine, so only an answer decides.
    addEventListener("offline", probe);
    addEventListener("online", probe);
    return () => {
      removeEventListener("offline", probe);
      removeEventListener("online", probe);
    };
  }, []);
  useEffect(() => {
    if (isReachable) return;
    const timer = setTimeout(probe, Math.min(retryMsMax, retryMs * 2 ** Math.min(failures - 1, 10)));
    return () => clearTimeout(timer);
  }, [isReachable, failures]);
  const seen = useRef(returns);
  useEffect(() => {
    if (seen.current === returns) return;
    seen.current = returns;
    void queries.refetchQueries({ type: "active" });
  }, [queries, returns]);
  return isReachable ? null : <Bar />;
}

function Bar() {
  const now = useNow();
  const { answeredAt } = useConnection();
  const age = messages.live.age(Math.max(0, Math.round((now - answeredAt) / 1_000)));
  return (
    <section className="connection-bar" aria-label={messages.live.connection}>
      <p>
        <strong role="alert">{navigator.onLine ? messages.live.unreachable : messages.live.offline}</strong>{" "}
        {messages.live.last(age)}
      </p>
      <Button onClick={probe}>{messages.retryNow}</Button>
    </section>
  );
}
