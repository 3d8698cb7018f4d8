/** Was schiefging, nach den Kennungen der API, wie es ein Mensch lesen soll. */
import type { en } from "../en/errors";

export const de: typeof en = {
  offline: "Der Server ist nicht erreichbar. Prüfen Sie Ihr Netz und versuchen Sie es noch einmal.",
  internal: "Auf dem Server ist etwas schiefgegangen. Versuchen Sie es gleich noch einmal.",
  no_session: "Sie sind in diesem Browser nicht angemeldet. Öffnen Sie Ihren Einladungslink noch einmal.",
  bad_session: "Sie sind in diesem Browser nicht angemeldet. Öffnen Sie Ihren Einladungslink noch einmal.",
  unknown_event: "Diese Veranstaltung gibt es nicht. Prüfen Sie die Adresse oder öffnen Sie Ihren Einladungslink.",
  store_unavailable: "Das Gedächtnis der Plattform ist kurz weg. Versuchen Sie es in ein paar Sekunden noch einmal.",
  bad_csrf_token: "Diese Seite ist veraltet. Laden Sie sie neu und versuchen Sie es noch einmal.",
  session_expired: "Ihre Sitzung ist abgelaufen. Öffnen Sie Ihren Einladungslink noch einmal.",
  not_invited: "Sie sind zu dieser Veranstaltung nicht eingeladen. Öffnen Sie den Einladungslink, den Sie bekommen haben.",
  role_needed: "Ihre Einladung erlaubt das nicht. Bitten Sie die Regie um einen anderen Link.",
  not_found: "Diese Veranstaltung gibt es nicht. Prüfen Sie die Adresse oder öffnen Sie Ihren Einladungslink.",
  too_many: "Das war zu oft. Warten Sie einen Augenblick und versuchen Sie es noch einmal.",
  rate_limited: "Das war zu oft. Warten Sie einen Augenblick und versuchen Sie es noch einmal.",
  unavailable: "Ein Teil der Plattform ist gerade weg. Er kommt von selbst wieder, bitte warten Sie.",
  link_invalid: "Dieser Einladungslink ist falsch oder abgelaufen. Bitten Sie um einen neuen.",
};
