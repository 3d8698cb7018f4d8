/**
 * What a reader's list shows while its contents change: nothing moves under the finger. Pure.
 *
 * While the reader is at rest the list is as it should be. While they read, point or scroll, it keeps its order; what went
 * away goes, what is new waits behind a chip ("3 new").
 */
export interface Reading {
  readonly shown: readonly string[];
  /** New ones that wait behind the chip. */
  readonly fresh: number;
}

export function arrange(shown: readonly string[], wanted: readonly string[], atRest: boolean): Reading {
  if (atRest || !shown.length) return { shown: wanted, fresh: 0 };
  const stillThere = new Set(wanted);
  const known = new Set(shown);
  return {
    shown: shown.filter((id) => stillThere.has(id)),
    fresh: wanted.filter((id) => !known.has(id)).length,
  };
}
