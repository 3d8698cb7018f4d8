import { signal, type ReadonlySignal } from "@preact/signals";
import { useEffect, useState } from "preact/hooks";

/** The time in ms as a signal that moves every `everyMs`, for elapsed clocks and "9 min". */
export function useNow(everyMs: number): ReadonlySignal<number> {
  const [now] = useState(() => signal(Date.now()));
  useEffect(() => {
    const timer = setInterval(() => {
      now.value = Date.now();
    }, everyMs);
    return () => clearInterval(timer);
  }, [everyMs]);
  return now;
}
