/** Buttons: one primary per view, plain ones, quiet ones. None is red: red says what is on air. */
import type { ButtonHTMLAttributes, ComponentChildren } from "preact";

import { Icon, type IconName } from "./icons";
import { Kbd } from "./kbd";

type Native = Omit<ButtonHTMLAttributes<HTMLButtonElement>, "class" | "icon" | "size">;

export type ButtonKind = "plain" | "primary" | "quiet";

export interface ButtonProps extends Native {
  kind?: ButtonKind;
  icon?: IconName;
  /** The key that does the same, shown beside the words. */
  shortcut?: string;
  small?: boolean;
  wide?: boolean;
  busy?: boolean;
  children: ComponentChildren;
}

export function Button(props: ButtonProps) {
  const { kind = "plain", icon, shortcut, small, wide, busy, children, disabled, ...native } = props;
  const names = ["button", `button-${kind}`, small && "button-small", wide && "button-wide"].filter(Boolean).join(" ");
  return (
    <button type="button" {...native} class={names} disabled={disabled || busy} aria-busy={busy ? "true" : undefined}>
      {icon && <Icon name={icon} size={18} />}
      <span class="button-words">{children}</span>
      {shortcut && <Kbd>{shortcut}</Kbd>}
    </button>
  );
}

/** A link that looks like a button: it goes somewhere. */
export function LinkButton(props: { href: string; kind?: ButtonKind; icon?: IconName; newTab?: boolean; children: ComponentChildren }) {
  const { href, kind = "plain", icon, newTab, children } = props;
  const target = newTab ? { target: "_blank", rel: "noopener" } : {};
  return (
    <a href={href} class={`button button-${kind}`} {...target}>
      {icon && <Icon name={icon} size={18} />}
      <span class="button-words">{children}</span>
    </a>
  );
}

/** A button of one icon; `label` is its name for ears and its tooltip. */
export function IconButton(props: Native & { name: IconName; label: string; pressed?: boolean }) {
  const { name, label, pressed, ...native } = props;
  return (
    <button type="button" {...native} class="icon-button" aria-label={label} title={label} aria-pressed={pressed}>
      <Icon name={name} />
    </button>
  );
}
