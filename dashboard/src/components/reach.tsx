import { messages } from "../messages.ts";
import { useSession } from "../session.ts";
import { Notice } from "./basics.tsx";

/** Where short URLs begin, and who can open them: undefined where everybody can. */
function useLimit(): { base: string; reach: "loopback" | "link-local" | "private" } | undefined {
  const { account } = useSession();
  if (!account || account.short_urls.reach === "public") return undefined;
  return { base: account.short_urls.base, reach: account.short_urls.reach };
}

/** Warns of codes that most people who scan them cannot open, and says what to change. */
export function ReachNotice({ isOfMany = false }: { isOfMany?: boolean }) {
  const limit = useLimit();
  if (!limit) return null;
  return (
    <Notice kind="warning">
      <p>{messages.reach.notice(isOfMany, limit.base, messages.reach.who[limit.reach])}</p>
    </Notice>
  );
}

/** Marks one code among others. */
export function ReachBadge() {
  const limit = useLimit();
  return limit ? <span className="badge warning">{messages.reach.badge[limit.reach]}</span> : null;
}

/** Returns what the name of a downloaded symbol ends in, so that a file says by itself where it works. */
export function useFileSuffix(): string {
  const limit = useLimit();
  return limit ? messages.reach.suffix[limit.reach] : "";
}
