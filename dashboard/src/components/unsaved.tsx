import { useCallback, useEffect, useRef } from "react";
import { answerLeaving, holdBack, type LeaveQuestion, useLeaving } from "../leaving.ts";
import { messages } from "../messages.ts";
import { Button } from "./basics.tsx";
import { Dialog } from "./dialog.tsx";

/**
 * Has people asked before they leave what they have not saved: by a link, the Back button, closing the tab or loading it
 * again. Dialogs ask by closing through `leave`. Returns what ends it at once, for going on after saving.
 */
export function useUnsaved(isUnsaved: boolean, question: LeaveQuestion = messages.unsaved): () => void {
  const release = useRef(() => {});
  useEffect(() => {
    if (!isUnsaved) return;
    release.current = holdBack(question);
    return () => release.current();
  }, [isUnsaved, question]);
  return useCallback(() => release.current(), []);
}

/** Shows the question whether to leave; it stands once, around all pages. */
export function LeaveDialog() {
  const question = useLeaving();
  if (!question) return null;
  const stay = () => answerLeaving(false);
  // A click beside it would take the focus out of every dialog; a dialog below would then hold the next question inert.
  return (
    <Dialog title={question.title} isHeldOpen onClose={stay}>
      <p>{question.body}</p>
      <div className="actions">
        <Button kind="primary" data-autofocus onClick={stay}>
          {question.stay}
        </Button>
        <Button kind="danger" onClick={() => answerLeaving(true)}>
          {question.leave}
        </Button>
      </div>
    </Dialog>
  );
}
