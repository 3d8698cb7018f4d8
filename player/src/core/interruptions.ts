/**
 * How long sound and picture stood still that should have moved, from looks at the clock of what plays.
 *
 * The surprise: sound that is stretched moves slowly, and at first the clock even slower than that. In Chromium, told 0.7 after 1,
 * it moves by 38 to 45 ms in the first 100 while an analyser hears no silence. So what moved is compared with the rate.
 */

/** Slower than this share of what it was told to play at is standing still; a clock that is read a little late is not. */
const MOVES = 0.5;

export class Interruptions {
  silentMs = 0;
  frozenMs = 0;
  private lastMs: number | null = null;
  private lastAt = 0;

  /** `isFrozen`: the picture at this place repeats an older one. `rate`: what it was told to play at since the last look. */
  look(nowMs: number, at: number, isFrozen: boolean, rate = 1): void {
    if (this.lastMs !== null) {
      const passed = nowMs - this.lastMs;
      const played = ((at - this.lastAt) * 1000) / rate;
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
