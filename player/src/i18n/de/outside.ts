import type { en } from "../en/outside";

export const de: typeof en = {
  ended: "Danke, dass Sie dabei waren",
  endedMeans: "Die Veranstaltung ist zu Ende.",
  endedLasted: "Dauer",
  endedQuestions: "Fragen",
  endedAnswered: "Beantwortet",
  turned: {
    signin: {
      title: "Öffnen Sie Ihre Einladung",
      means: "Sie sind in diesem Browser nicht angemeldet, oder Ihre Sitzung ist abgelaufen. Öffnen Sie den Einladungslink noch einmal.",
    },
    forbidden: {
      title: "Diese Veranstaltung ist für Sie nicht offen",
      means: "Sie sind angemeldet, aber nicht hierzu eingeladen. Öffnen Sie den Einladungslink dieser Veranstaltung, oder fragen Sie die Person, die Sie eingeladen hat.",
    },
    unknown: {
      title: "Diese Veranstaltung gibt es nicht",
      means: "Prüfen Sie die Adresse, oder öffnen Sie den Einladungslink, den Sie bekommen haben.",
    },
    kicked: {
      title: "Sie wurden aus dieser Veranstaltung entfernt",
      means: "Wenn Sie das für ein Versehen halten, sprechen Sie mit den Veranstaltern.",
    },
    full: {
      title: "Die Veranstaltung ist voll",
      means: "Im Moment sind alle Plätze belegt. Versuchen Sie es in einigen Minuten noch einmal.",
    },
  },
  toEvents: "Meine Veranstaltungen",
};
