/** A dialog of the browser's own: it keeps the focus in, and Escape closes it. */

import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";
import { lineOf } from "../app/problem.ts";
import { Button } from "./controls.tsx";
import { toast } from "./toasts.tsx";

interface DialogProps {
  title: string;
  isOpen: boolean;
  onClose(): void;
  children: ComponentChildren;
}

export function Dialog({ title, isOpen, onClose, children }: DialogProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const { current } = dialog;
    if (current === null) return;
    if (isOpen && !current.open) current.showModal();
    if (!isOpen && current.open) current.close();
  }, [isOpen]);
  return (
    // Only Escape: the event of closing comes late, when it may have been opened again.
    <dialog
      ref={dialog}
      aria-labelledby={id}
      onCancel={(event) => event.target === event.currentTarget && onClose()}
    >
      {isOpen && (
        <div class="stack">
          <div class="dialog-head">
            <h2 id={id}>{title}</h2>
            <button type="button" class="close" aria-label="Close" onClick={onClose}>
              ×
            </button>
          </div>
          {children}
        </div>
      )}
    </dialog>
  );
}

interface ConfirmProps {
  title: string;
  /** What the button says: the verb, never OK. */
  verb: string;
  isOpen: boolean;
  onClose(): void;
  /** Closes the dialog when it has worked, tells what went wrong otherwise. */
  onConfirm(): Promise<unknown>;
  children: ComponentChildren;
}

/** Asks before something that cannot be taken back. */
export function ConfirmDialog({ title, verb, isOpen, onClose, onConfirm, children }: ConfirmProps) {
  const confirm = async () => {
    try {
      await onConfirm();
      onClose();
    } catch (error) {
      toast(lineOf(error), "bad");
    }
  };
  return (
    <Dialog title={title} isOpen={isOpen} onClose={onClose}>
      {children}
      <div class="buttons">
        <Button tone="danger" onClick={confirm}>
          {verb}
        </Button>
        <Button onClick={onClose}>Keep it as it is</Button>
      </div>
    </Dialog>
  );
}
