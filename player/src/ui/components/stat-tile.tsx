import type { ComponentChildren } from "preact";

/** A figure with its unit. */
export function StatTile({ value, label }: { value: ComponentChildren; label: string }) {
  return (
    <div class="stat">
      <dd class="stat-value numbers">{value}</dd>
      <dt class="stat-label">{label}</dt>
    </div>
  );
}
