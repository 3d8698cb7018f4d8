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
