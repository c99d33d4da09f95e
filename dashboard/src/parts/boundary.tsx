import { Component, type ReactNode } from "react";
import { text } from "../text.ts";
import { Button, Notice } from "./basics.tsx";

/** Keeps what fails to draw from taking the page with it. */
export class Boundary extends Component<{ children: ReactNode }, { hasFailed: boolean }> {
  override state = { hasFailed: false };

  static getDerivedStateFromError() {
    return { hasFailed: true };
  }

  override render() {
    if (!this.state.hasFailed) return this.props.children;
    return (
      <Notice kind="error">
        <div className="with-action">
          <p>{text.broken}</p>
          <Button onClick={() => location.reload()}>{text.reloadPage}</Button>
        </div>
      </Notice>
    );
  }
}
