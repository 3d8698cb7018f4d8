/** State as shape, word and colour together. Red (`live`) is for what is on air and for nothing else. */
import type { ComponentChildren } from "preact";

import { Icon, type IconName } from "./icons";

export type BadgeKind = "neutral" | "accent" | "good" | "warn" | "bad" | "live";

const SHAPES: Partial<Record<BadgeKind, IconName>> = { good: "check", warn: "alert", bad: "cross" };

export function Badge({ kind = "neutral", icon, children }: { kind?: BadgeKind; icon?: IconName; children: ComponentChildren }) {
  const shape = icon ?? SHAPES[kind];
  return (
    <span class={`badge badge-${kind}`}>
      {kind === "live" ? <span class="badge-dot" /> : shape && <Icon name={shape} size={14} />}
      <span>{children}</span>
    </span>
  );
}

/** A number that counts something beside a heading. */
export function Count({ value, warn = false }: { value: number; warn?: boolean }) {
  return <span class={`count numbers ${warn ? "count-warn" : ""}`}>{value}</span>;
}
