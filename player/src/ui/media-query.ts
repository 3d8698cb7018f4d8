import { signal, type ReadonlySignal } from "@preact/signals";
import { useEffect, useState } from "preact/hooks";

/** Whether a media query holds, as a signal. */
export function useMediaQuery(query: string): ReadonlySignal<boolean> {
  const [holds] = useState(() => signal(matchMedia(query).matches));
  useEffect(() => {
    const list = matchMedia(query);
    const onChange = () => {
      holds.value = list.matches;
    };
    onChange();
    list.addEventListener("change", onChange);
    return () => list.removeEventListener("change", onChange);
  }, [query]);
  return holds;
}
