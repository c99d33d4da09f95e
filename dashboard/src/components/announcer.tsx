import { createContext, type ReactNode, useContext, useEffect, useState } from "react";

const shownMs = 6_000;
const Announce = createContext<(text: string) => void>(() => {});

/** Tells people, on the screen and through screen readers, what has just been done. */
export function AnnouncerProvider({ children }: { children: ReactNode }) {
  const [said, setSaid] = useState({ text: "", count: 0 });
  useEffect(() => {
    if (said.text === "") return;
    const timer = setTimeout(() => setSaid((last) => ({ ...last, text: "" })), shownMs);
    return () => clearTimeout(timer);
  }, [said]);
  return (
    <Announce value={(text) => setSaid((last) => ({ text, count: last.count + 1 }))}>
      {children}
      <div className="announcer" role="status" aria-live="polite">
        {said.text !== "" && (
          <p key={said.count} className="toast">
            {said.text}
          </p>
        )}
      </div>
    </Announce>
  );
}

export const useAnnounce = () => useContext(Announce);
