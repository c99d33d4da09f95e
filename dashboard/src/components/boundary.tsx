import { Component, type ComponentType, lazy, type ReactNode, useEffect } from "react";
import { probe, useConnection } from "../connection.ts";
import { messages } from "../messages.ts";
import { Button, Notice } from "./basics.tsx";

/** Age that a document reaches before it loads itself again, in ms, so that it does not do so over and over. */
const reloadAgeMsMin = 5_000;

/** A part of the program that did not arrive. */
class LoadError extends Error {}

/** A page whose program is loaded when it is first shown. */
export function lazyPage(load: () => Promise<{ default: ComponentType }>) {
  return lazy(() =>
    load().catch((cause: unknown) => {
      throw new LoadError("a part of the program did not arrive", { cause });
    }),
  );
}

/** Keeps what fails to draw from taking the page with it. */
export class Boundary extends Component<{ children: ReactNode }, { error: unknown }> {
  override state = { error: undefined };

  static getDerivedStateFromError(error: unknown) {
    return { error };
  }

  override render() {
    const error: unknown = this.state.error;
    if (error === undefined) return this.props.children;
    return error instanceof LoadError ? <Missing /> : <Broken />;
  }
}

function Broken() {
  return (
    <Notice kind="error">
      <div className="with-action">
        <p>{messages.broken}</p>
        <Button onClick={() => location.reload()}>{messages.reloadPage}</Button>
      </div>
    </Notice>
  );
}

/** A browser never asks again for a program that did not arrive, so the page is loaded anew once the edge answers. */
function Missing() {
  const { returns } = useConnection();
  // biome-ignore lint/correctness/useExhaustiveDependencies: again when the edge is back
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    let isGone = false;
    void probe().then((isAnswered) => {
      if (!isAnswered || isGone) return;
      timer = setTimeout(() => location.reload(), Math.max(0, reloadAgeMsMin - performance.now()));
    });
    return () => {
      isGone = true;
      clearTimeout(timer);
    };
  }, [returns]);
  return <Broken />;
}
