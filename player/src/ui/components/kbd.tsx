import type { ComponentChildren } from "preact";

/** A key as it is printed on the keyboard; hidden where there is none. */
export function Kbd({ children }: { children: ComponentChildren }) {
  return (
    <kbd class="kbd" aria-hidden="true">
      {children}
    </kbd>
  );
}
