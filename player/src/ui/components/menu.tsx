/** A button that opens a list of choices under it: arrows move, Escape and a click elsewhere close, focus comes back. */
import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";

import { Icon, type IconName } from "./icons";

export interface MenuItem {
  readonly value: string;
  readonly words: string;
  readonly detail?: string;
  /** Set on all items of a choice of one; left out on items that act. */
  readonly checked?: boolean;
}

export interface MenuProps {
  label: string;
  icon?: IconName;
  /** Words on the button; without them the icon stands alone and `label` names it. */
  words?: ComponentChildren;
  heading?: string;
  items: readonly MenuItem[];
  onChoose(value: string): void;
}

function focusItem(list: HTMLElement | null, step: number): void {
  const items = [...(list?.querySelectorAll<HTMLElement>('[role^="menuitem"]') ?? [])];
  const at = items.indexOf(document.activeElement as HTMLElement);
  items[(at + step + items.length) % items.length]?.focus();
}

export function Menu(props: MenuProps) {
  const { label, icon, words, heading, items, onChoose } = props;
  const [open, setOpen] = useState(false);
  const frame = useRef<HTMLDivElement>(null);
  const list = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  const id = useId();

  useEffect(() => {
    if (!open) return;
    const away = (event: Event) => {
      if (!frame.current?.contains(event.target as Node)) setOpen(false);
    };
    list.current?.querySelector<HTMLElement>('[aria-checked="true"], [role^="menuitem"]')?.focus();
    document.addEventListener("pointerdown", away);
    return () => document.removeEventListener("pointerdown", away);
  }, [open]);

  const close = () => {
    setOpen(false);
    button.current?.focus();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (!open) return;
    event.stopPropagation();
    if (event.key === "Tab") setOpen(false);
    const acts: Record<string, () => void> = {
      Escape: close,
      ArrowDown: () => focusItem(list.current, 1),
      ArrowUp: () => focusItem(list.current, -1),
    };
    const act = acts[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  };

  return (
    <div class="menu" ref={frame} onKeyDown={onKeyDown}>
      <button
        ref={button}
        type="button"
        class={words ? "button button-plain" : "icon-button"}
        aria-label={words ? undefined : label}
        title={words ? undefined : label}
        aria-haspopup="menu"
        aria-expanded={open}
        aria-controls={open ? id : undefined}
        onClick={() => setOpen(!open)}
      >
        {icon && <Icon name={icon} />}
        {words && <span class="button-words">{words}</span>}
      </button>
      {open && (
        <div class="menu-list" role="menu" id={id} ref={list} aria-label={heading ?? label}>
          {heading && (
            <p class="menu-heading" aria-hidden="true">
              {heading}
            </p>
          )}
          {items.map((item) => (
            <button
              key={item.value}
              type="button"
              role={item.checked === undefined ? "menuitem" : "menuitemradio"}
              class="menu-item"
              aria-checked={item.checked}
              tabIndex={-1}
              onClick={() => {
                close();
                onChoose(item.value);
              }}
            >
              <span class="menu-tick">{item.checked && <Icon name="check" size={16} />}</span>
              <span class="menu-words">{item.words}</span>
              {item.detail && <span class="menu-detail numbers">{item.detail}</span>}
            </button>
          ))}
        </div>
      )}
    </div>
  );
}
