import { Dialog as AriaDialog, DialogDismiss, DialogHeading } from "@ariakit/react";
import type { ReactNode } from "react";
import { messages } from "../messages.ts";

/** A question or a form over the page: focus stays in it, Escape closes it. */
export function Dialog({ title, children, onClose }: { title: string; children: ReactNode; onClose(): void }) {
  return (
    <AriaDialog open onClose={onClose} className="dialog" backdrop={<div className="backdrop" />}>
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
