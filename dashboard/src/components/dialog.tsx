import { Dialog as AriaDialog, DialogDismiss, DialogHeading } from "@ariakit/react";
import type { ReactNode } from "react";
import { messages } from "../messages.ts";

interface DialogProps {
  title: string;
  children: ReactNode;
  /** Keeps it open when the page beside it is clicked. */
  isHeldOpen?: boolean;
  onClose(): void;
}

/** A question or a form over the page: focus stays in it, Escape closes it. */
export function Dialog({ title, children, isHeldOpen = false, onClose }: DialogProps) {
  return (
    <AriaDialog
      open
      onClose={onClose}
      hideOnInteractOutside={!isHeldOpen}
      className="dialog"
      backdrop={<div className="backdrop" />}
    >
      <header>
        <DialogHeading>{title}</DialogHeading>
        <DialogDismiss className="button quiet" aria-label={messages.close}>
          ✕
        </DialogDismiss>
      </header>
      {children}
    </AriaDialog>
  );
}
