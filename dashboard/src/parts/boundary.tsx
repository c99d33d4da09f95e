import { Component, type ReactNode } from "react";
import { text } from "../text.ts";
import { Notice } from "./basics.tsx";

/** Keeps what fails to draw from taking the page with it. */
export class Boundary extends Component<{ children: ReactNode }, { hasFailed: boolean }> {
  override state = { hasFailed: false };

  static getDerivedStateFromError() {
    return { hasFailed: true };
  }

  override render() {
    return this.state.hasFailed ? <Notice kind="error">{text.broken}</Notice> : this.props.children;
  }
}
