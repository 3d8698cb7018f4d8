import type { Finding } from "../../core/checks";
import type { en } from "../en/studio";

export const de: typeof en = {
  presenting: (name: string) => `Auf der Bühne: ${name}`,
  checking: "Prüfung",
  ready: "Nicht auf Sendung",
  connecting: "Verbindung",
  onAir: "Auf Sendung",
  lost: "Unterbrochen",
  overBadge: "Nicht auf Sendung",
  loading: "Das Studio wird geöffnet …",
  away: "Der Server ist nicht erreichbar. Das Studio öffnet sich von selbst, sobald er antwortet.",
  selfView: "Ihr eigenes Bild",
  onlyYou: "Das sehen nur Sie",
  sharing: {
    screen: "Sie teilen Ihren Bildschirm",
    inset: "Sie teilen Ihren Bildschirm mit Kamera",
    sound: "Der Ton wird mitgesendet",
  },
  plate: "Kamera aus: Ihr Name wird gezeigt",
  noPicture: "Noch kein Bild",
  watching: (n: string, one: boolean) => (one ? "1 Person sieht zu" : `${n} sehen zu`),
  timer: "Zeit auf Sendung",
  check: {
    title: "Prüfen Sie Ihre Geräte",
    startsIn: (clock: string) => `Noch sieht und hört Sie niemand. Die Veranstaltung beginnt in ${clock}.`,
    nobody: "Noch sieht und hört Sie niemand.",
    opening: "Ihr Browser fragt nach Kamera und Mikrofon. Wählen Sie „Zulassen“.",
  },
  yourName: "Ihr Name",
  yourNameHint: "Alle sehen ihn, solange Ihre Kamera aus ist.",
  saveName: "Speichern",
  camera: "Kamera",
  microphone: "Mikrofon",
  noDevice: "Keine gefunden",
  unnamed: (n: number) => `Gerät ${n}`,
  level: "Pegel des Mikrofons",
  levelHint: "Sagen Sie „eins, zwei, drei“. Der Balken soll die Mitte erreichen und nicht ins Rote gehen.",
  levelMuted: "Ihr Mikrofon ist stumm.",
  levelWords: (db: number) => `${db} Dezibel`,
  levelSilent: "still",
  checks: {
    camera: "Kamera",
    microphone: "Mikrofon",
    server: "Server",
    codec: "Videoformat",
  },
  outcomes: {
    unmade: "Noch nicht geprüft",
    running: "Wird geprüft …",
    good: "Gut",
    warn: "Könnte besser sein",
    bad: "Geht nicht",
  },
  finding: (finding: Finding): string => {
    switch (finding.what) {
      case "picture":
        return `${finding.width} × ${finding.height}, ${finding.fps} Bilder/s`;
      case "lowFps":
        return `nur ${finding.fps} Bilder/s: mehr Licht hilft`;
      case "smallPicture":
        return `nur ${finding.width} × ${finding.height}`;
      case "noPicture":
        return "es kommt kein Bild an";
      case "peak":
        return `Spitzen bei ${finding.db} dB`;
      case "tooQuiet":
        return `leise, ${finding.db} dB: näher heran`;
      case "tooLoud":
        return `zu laut, ${finding.db} dB: weiter weg`;
      case "noSound":
        return "noch nichts gehört: sagen Sie etwas";
      case "reached":
        return `antwortet nach ${finding.ms} ms`;
      case "unreachable":
        return "antwortet nicht";
      case "h264":
        return "H.264";
      case "vp8Only":
        return "nur VP8, etwas weniger scharf";
      case "noCodec":
        return "dieser Browser kann kein Video senden";
      case "noWebRtc":
        return "dieser Browser hat kein WebRTC";
    }
  },
  uploadLater: "Ihr Upload wird auf Sendung gemessen und dort ständig angezeigt.",
  troubles: {
    both: {
      blocked: { title: "Kamera und Mikrofon sind gesperrt", means: "Klicken Sie auf das Kamerasymbol in der Adresszeile, wählen Sie „Zulassen“ und versuchen Sie es erneut." },
      insecure: { title: "Keine Kamera, kein Mikrofon unter dieser Adresse", means: "Browser erlauben beides nur über HTTPS. Öffnen Sie diese Seite mit https:// am Anfang." },
      unsupported: { title: "Dieser Browser hat keinen Zugriff auf Kamera und Mikrofon", means: "Öffnen Sie diese Seite mit einem aktuellen Chrome, Edge, Firefox oder Safari." },
    },
    camera: {
      blocked: { title: "Die Kamera ist gesperrt", means: "Klicken Sie auf das Kamerasymbol in der Adresszeile, wählen Sie „Zulassen“ und versuchen Sie es erneut." },
      missing: { title: "Keine Kamera gefunden", means: "Schließen Sie eine an und versuchen Sie es erneut. Es geht auch ohne: Dann wird Ihr Name gezeigt." },
      busy: { title: "Die Kamera wird benutzt", means: "Schließen Sie das andere Programm (Teams, Zoom, anderer Tab) und versuchen Sie es erneut." },
      unsuitable: { title: "Diese Kamera kann nicht, was nötig ist", means: "Wählen Sie eine andere aus der Liste, oder versuchen Sie es erneut." },
      insecure: { title: "Keine Kamera unter dieser Adresse", means: "Browser erlauben Kameras nur über HTTPS. Öffnen Sie diese Seite mit https:// am Anfang." },
      unsupported: { title: "Dieser Browser hat keinen Kamerazugriff", means: "Öffnen Sie diese Seite mit einem aktuellen Chrome, Edge, Firefox oder Safari." },
      other: { title: "Die Kamera startet nicht", means: "Ziehen Sie sie ab, stecken Sie sie wieder an und versuchen Sie es erneut." },
    },
    microphone: {
      blocked: { title: "Das Mikrofon ist gesperrt", means: "Klicken Sie auf das Symbol in der Adresszeile, wählen Sie „Zulassen“ und versuchen Sie es erneut." },
      missing: { title: "Kein Mikrofon gefunden", means: "Schließen Sie eines an und versuchen Sie es erneut." },
      busy: { title: "Das Mikrofon wird benutzt", means: "Schließen Sie das andere Programm (Teams, Zoom, anderer Tab) und versuchen Sie es erneut." },
      unsuitable: { title: "Dieses Mikrofon kann nicht, was nötig ist", means: "Wählen Sie ein anderes aus der Liste, oder versuchen Sie es erneut." },
      insecure: { title: "Kein Mikrofon unter dieser Adresse", means: "Browser erlauben Mikrofone nur über HTTPS. Öffnen Sie diese Seite mit https:// am Anfang." },
      unsupported: { title: "Dieser Browser hat keinen Mikrofonzugriff", means: "Öffnen Sie diese Seite mit einem aktuellen Chrome, Edge, Firefox oder Safari." },
      other: { title: "Das Mikrofon startet nicht", means: "Ziehen Sie es ab, stecken Sie es wieder an und versuchen Sie es erneut." },
    },
  },
  tryAgain: "Erneut versuchen",
  record: "5 s aufnehmen und anhören",
  recording: "Aufnahme läuft … sprechen Sie jetzt",
  playback: "Ihre Aufnahme",
  playbackMeans: "Sie bleibt auf diesem Gerät.",
  discard: "Verwerfen",
  recordFailed: "Die Aufnahme hat in diesem Browser nicht geklappt.",
  goLive: "Auf Sendung gehen",
  goLiveNot: "Kamera oder Mikrofon müssen gehen, bevor Sie auf Sendung können.",
  confirm: {
    title: (n: string, count: number) =>
      count === 0 ? "Auf Sendung gehen?" : count === 1 ? "Vor 1 Person auf Sendung gehen?" : `Vor ${n} Personen auf Sendung gehen?`,
    means: "Von da an sehen und hören Sie alle in der Veranstaltung.",
    muted: "Ihr Mikrofon ist stumm.",
    cameraOff: "Ihre Kamera ist aus: Ihr Name wird gezeigt.",
    openChecks: "Etwas stimmt noch nicht. Sie können trotzdem auf Sendung gehen.",
    go: "Jetzt auf Sendung",
  },
  dock: {
    label: "Ihre Geräte",
    mic: "Mikrofon",
    micMute: "Mikrofon stumm schalten",
    micUnmute: "Mikrofon einschalten",
    camera: "Kamera",
    cameraOff: "Kamera ausschalten",
    cameraOn: "Kamera einschalten",
    screen: "Bildschirm teilen",
    screenStop: "Teilen beenden",
    end: "Meinen Teil beenden",
  },
  look: {
    label: "Was alle sehen",
    screen: "Bildschirm",
    inset: "Bildschirm mit Kamera",
    insetNot: "Ihre Kamera ist aus",
  },
  keys: {
    title: "Tastenkürzel",
    mic: "Mikrofon stumm schalten oder einschalten",
    camera: "Kamera aus- oder einschalten",
    screen: "Bildschirm teilen oder das Teilen beenden",
    help: "Diese Liste",
    on: "Einzelne Tasten",
    onMeans: "Aus: Buchstaben bewirken in diesem Browser nichts, etwa für Spracheingabe.",
  },
  screenFailed: "Der Bildschirm konnte nicht geteilt werden. Versuchen Sie es erneut, oder wählen Sie ein anderes Fenster.",
  mutedSpeaking: (hasKeys: boolean): string => (hasKeys ? "Sie sind stumm. Mit M werden Sie gehört." : "Sie sind stumm. Schalten Sie Ihr Mikrofon ein, um gehört zu werden."),
  connectingWords: "Verbindung zum Server wird aufgebaut …",
  lostWords: "Verbindung unterbrochen. Bis Sie zurück sind, sehen alle ein Standbild.",
  attempt: (n: number) => `Versuch ${n}`,
  refused: {
    on_air: (name: string) =>
      name ? `${name} ist auf Sendung. Bitten Sie darum, das zu beenden, und gehen Sie dann erneut auf Sendung.` : "Jemand anderes ist auf Sendung.",
    event_ended: "Diese Veranstaltung ist zu Ende.",
    no_path: "Der Server antwortet, aber Ton und Bild kommen nicht durch. Vielleicht sperrt eine Firewall UDP: Versuchen Sie ein anderes Netz.",
    webrtc: "Dieser Browser konnte die Verbindung nicht aufbauen. Laden Sie die Seite neu und versuchen Sie es erneut.",
    too_many: "Zu viele Versuche. Warten Sie eine Minute, und gehen Sie dann erneut auf Sendung.",
    replaced: "Ein anderes Fenster oder Programm von Ihnen (etwa OBS) ist auf Sendung. Dieses hier nicht.",
  },
  takeOver: "Wieder übernehmen",
  end: {
    title: "Ihren Teil beenden?",
    means: "Danach sehen alle ein Standbild, bis wieder jemand auf Sendung ist. Die Veranstaltung selbst läuft weiter.",
    yes: "Meinen Teil beenden",
  },
  over: {
    title: "Sie sind nicht mehr auf Sendung",
    means: "Kamera und Mikrofon sind freigegeben.",
    ended: "Die Veranstaltung ist zu Ende. Vielen Dank.",
    lasted: "Auf Sendung",
    questions: "Fragen",
    answered: "Beantwortet",
    again: "Zurück zur Prüfung",
  },
  question: {
    title: "Frage an Sie",
    none: "Gerade ist keine Frage auf Sendung.",
    noneMeans: "Sobald die Regie eine Frage stellt, steht sie hier in großer Schrift.",
    answeredNext: "Beantwortet – weiter",
    answered: "Beantwortet",
    next: "Als Nächstes",
    nothingNext: "Es warten keine Fragen.",
    votes: "Stimmen",
  },
  signal: {
    title: "Ihr Signal",
    sent: "Gesendet",
    picture: "Bild",
    roundTrip: "Umlaufzeit",
    loss: "Verlust",
    measuring: "wird gemessen …",
    megabits: (n: string) => `${n} Mbit/s`,
    pictureWords: (width: number, height: number, fps: number) => `${width} × ${height} · ${fps} Bilder/s`,
    milliseconds: (n: number) => `${n} ms`,
    percent: (n: string) => `${n} %`,
    cpu: "Ihr Rechner ist am Limit: Schließen Sie andere Programme.",
    bandwidth: "Ihr Netz ist am Limit: Das Bild wird kleiner gesendet.",
  },
  devices: "Kamera oder Mikrofon wechseln",
  obs: {
    title: "Stattdessen mit OBS senden",
    means: "In OBS ab Version 30: Einstellungen → Stream → Plattform „WHIP“. Beide Felder kopieren, dann den Stream starten.",
    show: "Server und Token anzeigen",
    server: "Server",
    token: "Bearer-Token",
    copyServer: "Serveradresse kopieren",
    copyToken: "Bearer-Token kopieren",
    validUntil: (moment: string) => `Gültig bis ${moment}. Wer das Token hat, kann auf Sendung gehen: Behandeln Sie es wie ein Passwort.`,
    settings: "Empfohlen: 1280 × 720, 30 Bilder/s, x264 mit 2500 kbit/s CBR, Keyframe-Abstand 1 s, Profil baseline, Tune zerolatency, keine B-Frames.",
  },
  turnedPresenters: {
    title: "Das Studio ist für Vortragende",
    means: "Mit Ihrer Einladung können Sie zuschauen. Wenn Sie vortragen sollen, bitten Sie die Regie um den passenden Link.",
    watch: "Zur Veranstaltung",
  },
};
