/** Keeps the screen on while somebody is on air; the browser lets go whenever the page is hidden, so it is asked again. */

export class WakeLock {
  private sentinel: WakeLockSentinel | null = null;
  private wanted = false;

  constructor() {
    document.addEventListener("visibilitychange", () => void this.take());
  }

  hold(): void {
    this.wanted = true;
    void this.take();
  }

  release(): void {
    this.wanted = false;
    void this.sentinel?.release();
    this.sentinel = null;
  }

  private async take(): Promise<void> {
    if (!this.wanted || document.visibilityState !== "visible" || !("wakeLock" in navigator)) return;
    // Refused on low battery: going on air matters more than a dark screen.
    this.sentinel = await navigator.wakeLock.request("screen").catch(() => null);
  }
}
