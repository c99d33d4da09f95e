import type { UseQueryResult } from "@tanstack/react-query";
import { useState } from "react";
import { isStale, useNow } from "../live.ts";
import { messages } from "../messages.ts";
import { Button, Notice } from "./basics.tsx";

/**
 * Says how old the last answer is. Once an answer fails or is overdue it says so plainly, with a button to try at once;
 * `isQuiet` shows nothing as long as all is well.
 */
export function Freshness({
  query,
  everyMs,
  isQuiet = false,
}: {
  query: Pick<UseQueryResult, "dataUpdatedAt" | "error" | "isFetching" | "refetch">;
  everyMs: number;
  isQuiet?: boolean;
}) {
  const now = useNow();
  // What was read the last time the page was open gets its chance to be read again.
  const [openedAt] = useState(Date.now);
  const { dataUpdatedAt, error, isFetching, refetch } = query;
  if (dataUpdatedAt === 0) return null;
  const age = messages.live.age(Math.max(0, Math.round((now - dataUpdatedAt) / 1_000)));
  if (error || isStale(Math.max(dataUpdatedAt, openedAt), now, everyMs)) {
    return (
      <Notice kind="warning">
        <div className="with-action">
          <p>
            <strong role="status">{messages.live.stale}</strong> {messages.live.last(age)}
          </p>
          <Button busy={isFetching} onClick={() => refetch()}>
            {messages.retry}
          </Button>
        </div>
        {error && <p>{error.message}</p>}
      </Notice>
    );
  }
  if (isQuiet) return null;
  if (isStale(dataUpdatedAt, now, everyMs)) return <p className="freshness muted">{messages.live.updatedAlone(age)}</p>;
  return (
    <p className="freshness muted">
      <span className="pulse" aria-hidden="true" /> {messages.live.live} · {messages.live.updated(age)}
    </p>
  );
}
