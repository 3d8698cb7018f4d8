/** Small pieces that say how things are: a check with its outcome, an empty place, a message that stays. */
import type { ComponentChildren } from "preact";

import { Icon, type IconName } from "./icons";

export type CheckState = "waiting" | "good" | "warn" | "bad";

const CHECK_ICONS: Record<CheckState, IconName> = { waiting: "more", good: "check", warn: "alert", bad: "cross" };

/** One check or one part's health. `waiting` until it was really made: nothing is green by default. */
export function CheckRow(props: { state: CheckState; label: string; detail?: ComponentChildren; stateWords: string }) {
  return (
    <li class={`check check-${props.state}`}>
      <span class="check-mark">
        <Icon name={CHECK_ICONS[props.state]} size={16} />
      </span>
      <span class="check-label">{props.label}</span>
      <span class="visually-hidden">{props.stateWords}</span>
      {props.detail && <span class="check-detail numbers">{props.detail}</span>}
    </li>
  );
}

export function Empty({ title, children }: { title: string; children?: ComponentChildren }) {
  return (
    <div class="empty">
      <p class="empty-title">{title}</p>
      {children && <div class="empty-words">{children}</div>}
    </div>
  );
}

/** A message that stays in the page until its reason is gone. */
export function Notice({ kind = "warn", children }: { kind?: "warn" | "bad" | "accent"; children: ComponentChildren }) {
  return (
    <div class={`notice notice-${kind}`} role={kind === "bad" ? "alert" : "status"}>
      <Icon name={kind === "accent" ? "help" : "alert"} size={18} />
      <div class="notice-words">{children}</div>
    </div>
  );
}
