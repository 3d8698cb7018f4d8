/** A level meter of 24 steps, read as text by ears. `level` from 0 to 1; the last steps warn of clipping. */
const STEPS = 24;
const WARN_FROM = 17;
const BAD_FROM = 21;

function zone(step: number): string {
  if (step >= BAD_FROM) return "bad";
  return step >= WARN_FROM ? "warn" : "good";
}

export function Meter({ label, level, words }: { label: string; level: number; words: string }) {
  const lit = Math.round(Math.min(1, Math.max(0, level)) * STEPS);
  return (
    <div
      class="meter"
      role="meter"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={STEPS}
      aria-valuenow={lit}
      aria-valuetext={words}
    >
      {Array.from({ length: STEPS }, (_, step) => (
        <span key={step} class={`meter-step ${step < lit ? `meter-${zone(step)}` : ""}`} />
      ))}
    </div>
  );
}
