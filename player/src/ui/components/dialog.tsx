/** A native modal dialog: the browser keeps the focus inside and closes it on Escape. Mount it to open, unmount to close. */
import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";

import { common } from "../../i18n/common";
import { IconButton } from "./button";

export function Dialog(props: { title: string; onClose(): void; wide?: boolean; children: ComponentChildren }) {
  const { title, onClose, wide, children } = props;
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const element = dialog.current;
    const before = document.activeElement;
    element?.showModal();
    // Not the close button, which the browser would take: what was marked, else the dialog itself, so that it is read out.
    (element?.querySelector<HTMLElement>("[autofocus]") ?? element)?.focus();
    return () => {
      element?.close();
      if (before instanceof HTMLElement) before.focus();
    };
  }, []);
  return (
    <dialog
      ref={dialog}
      tabIndex={-1}
      class={wide ? "dialog dialog-wide" : "dialog"}
      aria-labelledby={id}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
      onClick={(event) => {
        if (event.target === dialog.current) onClose();
      }}
    >
      <div class="dialog-body">
        <div class="dialog-head">
          <h2 id={id}>{title}</h2>
          <IconButton name="cross" label={common().close} onClick={onClose} />
        </div>
        {children}
      </div>
    </dialog>
  );
}
