import { useQuery } from "@tanstack/react-query";
import { type CodeCount, read } from "../api.ts";
import { messages } from "../messages.ts";
import { formatNumber, Notice } from "./basics.tsx";

/** Says how many codes are active, and how many the plan allows; nothing if it allows any number. */
export function CodeCountLine() {
  const { data } = useQuery({
    queryKey: ["codes", "count"],
    queryFn: ({ signal }) => read<CodeCount>("/code-count", signal),
  });
  if (!data || data.max === null) return null;
  const text = messages.codes.count(formatNumber(data.active), formatNumber(data.max));
  if (data.active < data.max) return <p className="muted">{text}</p>;
  return (
    <Notice kind="warning">
      {text} {messages.codes.full}
    </Notice>
  );
}
