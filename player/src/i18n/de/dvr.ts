import type { Spell } from "../../core/dvr";
import type { en } from "../en/dvr";

const count = (n: number, one: string, many: string) => (n === 0 ? [] : [n === 1 ? `1 ${one}` : `${n} ${many}`]);

function spoken({ hours, minutes, seconds }: Spell): string {
  const said = [...count(hours, "Stunde", "Stunden"), ...count(minutes, "Minute", "Minuten"), ...count(seconds, "Sekunde", "Sekunden")];
  return said.join(" ") || "0 Sekunden";
}

export const de: typeof en = {
  scrubber: "Stelle der Veranstaltung",
  live: "Live",
  behind: (time: Spell) => `${spoken(time)} hinter live`,
  into: (time: Spell) => `${spoken(time)} nach dem Beginn`,
  back: "10 Sekunden zurück",
  forward: "10 Sekunden vor",
  steps: "10 Sekunden zurück oder vor",
  moving: "Diese Stelle wird geladen …",
  failed: "Diese Stelle ließ sich nicht laden. Bitte versuchen Sie es noch einmal.",
  gone: "Diese Veranstaltung lässt sich nicht mehr von einer früheren Stelle an abspielen.",
  recording: "Aufzeichnung",
  replay: "Von Anfang an ansehen",
  leave: "Schließen",
};
