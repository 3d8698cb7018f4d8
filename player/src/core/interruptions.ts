/** How long sound and picture stood still that should have moved, from looks at the clock of what plays. */

/** Slower than this is standing still; playing at 0.97 and a late look are not. */
const MOVES = 0.5;

export class Interruptions {
  silentMs = 0;
  frozenMs = 0;
  private lastMs: number | null = null;
  private lastAt = 0;

  /** `isFrozen`: the picture at this place repeats an older one. */
  look(nowMs: number, at: number, isFrozen: boolean): void {
    if (this.lastMs !== null) {
      const passed = nowMs - this.lastMs;
      const played = (at - this.lastAt) * 1000;
      // A jump, whichever way, is not standing still.
      if (played >= 0 && played < passed * MOVES) this.silentMs += passed - played;
      else if (isFrozen) this.frozenMs += passed;
    }
    this.lastMs = nowMs;
    this.lastAt = at;
  }

  /** It should not move now. */
  rest(): void {
    this.lastMs = null;
  }
}
