/** The state of a connection that repairs itself, as a page shows it. */

export type LinkState =
  | { readonly is: "connecting" }
  | { readonly is: "open" }
  /** Broken; attempt n is under way or waits until `nextAtMs` (performance clock). */
  | {
      readonly is: "lost";
      readonly attempt: number;
      readonly nextAtMs: number;
      /** What the server said when it sent us away for a while. */
      readonly code?: string;
    }
  | { readonly is: "closed" };

const BADNESS = { open: 0, connecting: 1, lost: 2, closed: 3 } as const;

function badness(state: LinkState): number {
  return BADNESS[state.is] + (state.is === "lost" ? 1 - 1 / state.attempt : 0);
}

/** Picture and sound come on lines of their own: while something is in hand the better one counts, else the worse. */
export function together(states: readonly LinkState[], isInHand: boolean): LinkState {
  const byBadness = [...states].sort((a, b) => badness(a) - badness(b));
  return (isInHand ? byBadness[0] : byBadness.at(-1)) ?? { is: "connecting" };
}
