import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { ask, type Style } from "../api.ts";
import { messages } from "../messages.ts";
import { FailedQuery, Loading, Notice } from "./basics.tsx";
import { ReachNotice } from "./reach.tsx";

/** How long typing rests before the service draws, in ms. */
const restMs = 250;

interface Drawn {
  svg: string | null;
  issue: { field: string; issue: string } | null;
}

/** The symbol as the service draws it, and whether a reader can read it. */
export function Preview({ encoded, style }: { encoded: string; style: Style }) {
  const asked = useRested(JSON.stringify({ text: encoded.slice(0, 200), style }));
  const query = useQuery({
    queryKey: ["preview", asked],
    placeholderData: keepPreviousData,
    queryFn: async ({ signal }) => (await ask<Drawn>("POST", "/preview", { body: JSON.parse(asked), signal })).data,
  });
  const { data, error, isFetching } = query;
  const source = usePicture(data?.svg ?? null);
  return (
    <aside className="card preview" aria-label={messages.preview.title} aria-busy={isFetching}>
      <h2>{messages.preview.title}</h2>
      <div className="picture">{source ? <img src={source} alt={messages.preview.alt} /> : !error && <Loading />}</div>
      <div aria-live="polite">
        <ReachNotice />
        <FailedQuery query={query} />
        {data && !error && data.issue === null && <Notice kind="good">{messages.preview.readable}</Notice>}
        {data?.issue && !error && (
          <Notice kind="warning">
            {messages.preview.unreadable(
              messages.style.names[data.issue.field.replace("style.", "")] ?? data.issue.field,
            )}{" "}
            {data.issue.issue}
          </Notice>
        )}
      </div>
    </aside>
  );
}

function useRested(value: string): string {
  const [rested, setRested] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setRested(value), restMs);
    return () => clearTimeout(timer);
  }, [value]);
  return rested;
}

/** An SVG as the address of a picture, in which nothing of it can run. The last one stays while there is none. */
function usePicture(svg: string | null): string | undefined {
  const [source, setSource] = useState<string>();
  useEffect(() => {
    if (svg === null) return;
    const address = URL.createObjectURL(new Blob([svg], { type: "image/svg+xml" }));
    setSource(address);
    return () => URL.revokeObjectURL(address);
  }, [svg]);
  return source;
}
