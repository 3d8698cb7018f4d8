/** Wörter, die mehr als eine Seite zeigt. */
import type { en } from "../en/common";

export const de: typeof en = {
  brand: "Plenum",
  languageName: "Deutsch",
  language: "Sprache",
  languages: { de: "Deutsch", en: "English" },
  toDark: "Zu dunklen Farben wechseln",
  toLight: "Zu hellen Farben wechseln",
  close: "Schließen",
  cancel: "Abbrechen",
  retry: "Noch einmal versuchen",
  copy: "Kopieren",
  copied: "Kopiert",
  copyFailed: "Der Browser erlaubt das Kopieren hier nicht. Der Text ist markiert: Drücken Sie Strg+C.",
  loading: "Wird geladen …",
  home: "Alle Veranstaltungen",
  live: "Live",
  onAir: "Auf Sendung",
  states: { scheduled: "Geplant", live: "Live", ended: "Beendet" },
  skip: "Zum Inhalt springen",
  characters: (used: number, of: number) => `${used} von ${of} Zeichen`,
  reconnecting: "Verbindung unterbrochen. Wird wiederhergestellt …",
};
