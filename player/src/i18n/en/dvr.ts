/** Going back in an event. */
import type { Spell } from "../../core/dvr";

const count = (n: number, one: string, many: string) => (n === 0 ? [] : [n === 1 ? `1 ${one}` : `${n} ${many}`]);

function spoken({ hours, minutes, seconds }: Spell): string {
  const said = [...count(hours, "hour", "hours"), ...count(minutes, "minute", "minutes"), ...count(seconds, "second", "seconds")];
  return said.join(" ") || "0 seconds";
}

export const en = {
  scrubber: "Position in the event",
  live: "Live",
  behind: (time: Spell) => `${spoken(time)} behind live`,
  into: (time: Spell) => `${spoken(time)} after the start`,
  back: "Back 10 seconds",
  forward: "Forward 10 seconds",
  steps: "Back or forward 10 seconds",
  moving: "Loading this moment …",
  failed: "This moment could not be loaded. Please try again.",
  gone: "This event can no longer be played from an earlier moment.",
  recording: "Recording",
  replay: "Watch from the start",
  leave: "Close",
};
