import type { en } from "../en/watch-keys";

export const de: typeof en = {
  title: "Tastatur",
  on: "Tastenkürzel mit einer Taste",
  onMeans: "Schalten Sie sie aus, wenn Sie mit Spracheingabe arbeiten oder wenn sie stören.",
  playPause: "Abspielen oder anhalten",
  mute: "Ton ein oder aus",
  full: "Vollbild",
  pip: "Bild im Bild",
  live: "Zurück zu Live",
  ask: "Eine Frage stellen",
  vote: "Für die markierte Frage stimmen",
  help: "Diese Hilfe",
  or: "oder",
  space: "Leertaste",
  end: "Ende",
};
