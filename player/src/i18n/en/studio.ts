import type { Finding } from "../../core/checks";
import type { DeviceTrouble, SharedTrouble } from "../../core/trouble";

type Instruction = { title: string; means: string };
type Troubles = Record<"camera" | "microphone", Record<DeviceTrouble, Instruction>> & { both: Record<SharedTrouble, Instruction> };

/** The presenter's studio. */
export const en = {
  presenting: (name: string) => `Presenter: ${name}`,
  checking: "Check",
  ready: "Off air",
  connecting: "Connecting",
  onAir: "On air",
  lost: "Interrupted",
  overBadge: "Off air",
  loading: "Opening the studio …",
  away: "The server cannot be reached. The studio opens by itself as soon as it answers.",
  selfView: "Your own picture",
  onlyYou: "Only you see this",
  sharing: {
    screen: "You share your screen",
    inset: "You share your screen with your camera",
    sound: "Its sound is sent too",
  },
  plate: "Camera off: viewers see your name",
  noPicture: "No picture yet",
  watching: (n: string, one: boolean) => (one ? "1 watching" : `${n} watching`),
  timer: "Time on air",
  check: {
    title: "Check your set-up",
    startsIn: (clock: string) => `Nobody can see or hear you yet. The event starts in ${clock}.`,
    nobody: "Nobody can see or hear you yet.",
    opening: "Your browser asks for camera and microphone. Choose “Allow”.",
  },
  yourName: "Your name",
  yourNameHint: "Viewers see it while your camera is off.",
  saveName: "Save",
  camera: "Camera",
  microphone: "Microphone",
  noDevice: "None found",
  unnamed: (n: number) => `Device ${n}`,
  level: "Microphone level",
  levelHint: "Say “one, two, three”. The bar should reach the middle and stay out of the red.",
  levelMuted: "Your microphone is muted.",
  levelWords: (db: number) => `${db} decibels`,
  levelSilent: "silent",
  checks: {
    camera: "Camera",
    microphone: "Microphone",
    server: "Server",
    codec: "Video format",
  },
  outcomes: {
    unmade: "Not checked yet",
    running: "Checking …",
    good: "Good",
    warn: "Could be better",
    bad: "Does not work",
  },
  finding: (finding: Finding): string => {
    switch (finding.what) {
      case "picture":
        return `${finding.width} × ${finding.height} at ${finding.fps} fps`;
      case "lowFps":
        return `only ${finding.fps} fps: more light helps`;
      case "smallPicture":
        return `only ${finding.width} × ${finding.height}`;
      case "noPicture":
        return "no picture arrives";
      case "peak":
        return `peaks at ${finding.db} dB`;
      case "tooQuiet":
        return `quiet, ${finding.db} dB: come closer`;
      case "tooLoud":
        return `too loud, ${finding.db} dB: move away`;
      case "noSound":
        return "nothing heard yet: say something";
      case "reached":
        return `answered in ${finding.ms} ms`;
      case "unreachable":
        return "does not answer";
      case "h264":
        return "H.264";
      case "vp8Only":
        return "VP8 only, a little less sharp";
      case "noCodec":
        return "this browser cannot send video";
      case "noWebRtc":
        return "this browser has no WebRTC";
    }
  },
  uploadLater: "Your upload is measured on air, where you see it all the time.",
  troubles: {
    both: {
      blocked: { title: "Camera and microphone are blocked", means: "Click the camera symbol in the address bar, choose “Allow”, then try again." },
      insecure: { title: "No camera and microphone on this address", means: "Browsers allow them only over HTTPS. Open this page with https:// at the front." },
      unsupported: { title: "This browser has no access to camera and microphone", means: "Open this page in a current Chrome, Edge, Firefox or Safari." },
    },
    camera: {
      blocked: { title: "The camera is blocked", means: "Click the camera symbol in the address bar, choose “Allow”, then try again." },
      missing: { title: "No camera found", means: "Plug one in, then try again. You can also present without: viewers see your name." },
      busy: { title: "The camera is in use", means: "Close the other program that uses it (Teams, Zoom, another tab), then try again." },
      unsuitable: { title: "This camera cannot do what is needed", means: "Choose another one from the list, or try again." },
      insecure: { title: "No camera on this address", means: "Browsers allow cameras only over HTTPS. Open this page with https:// at the front." },
      unsupported: { title: "This browser has no camera access", means: "Open this page in a current Chrome, Edge, Firefox or Safari." },
      other: { title: "The camera does not start", means: "Unplug it and plug it in again, then try again." },
    },
    microphone: {
      blocked: { title: "The microphone is blocked", means: "Click the symbol in the address bar, choose “Allow”, then try again." },
      missing: { title: "No microphone found", means: "Plug one in, then try again." },
      busy: { title: "The microphone is in use", means: "Close the other program that uses it (Teams, Zoom, another tab), then try again." },
      unsuitable: { title: "This microphone cannot do what is needed", means: "Choose another one from the list, or try again." },
      insecure: { title: "No microphone on this address", means: "Browsers allow microphones only over HTTPS. Open this page with https:// at the front." },
      unsupported: { title: "This browser has no microphone access", means: "Open this page in a current Chrome, Edge, Firefox or Safari." },
      other: { title: "The microphone does not start", means: "Unplug it and plug it in again, then try again." },
    },
  } as Troubles,
  tryAgain: "Try again",
  record: "Record 5 s and play back",
  recording: "Recording … speak now",
  playback: "Your recording",
  playbackMeans: "It stays on this device.",
  discard: "Discard",
  recordFailed: "The recording did not work in this browser.",
  goLive: "Go live",
  goLiveNot: "Camera or microphone must work before you can go live.",
  confirm: {
    title: (n: string, count: number) => (count === 0 ? "Go live?" : count === 1 ? "Go live to 1 person?" : `Go live to ${n} people?`),
    means: "From then on everybody in the event sees and hears you.",
    muted: "Your microphone is muted.",
    cameraOff: "Your camera is off: viewers see your name.",
    openChecks: "Something is not right yet. You can still go live.",
    go: "Go live now",
  },
  dock: {
    label: "Your devices",
    mic: "Microphone",
    micMute: "Mute microphone",
    micUnmute: "Unmute microphone",
    camera: "Camera",
    cameraOff: "Switch camera off",
    cameraOn: "Switch camera on",
    screen: "Share screen",
    screenStop: "Stop sharing",
    end: "End my part",
  },
  look: {
    label: "What viewers see",
    screen: "Screen",
    inset: "Screen with camera",
    insetNot: "Your camera is off",
  },
  keys: {
    title: "Keyboard shortcuts",
    mic: "Mute or unmute your microphone",
    camera: "Switch your camera off or on",
    screen: "Share your screen, or stop sharing",
    help: "This list",
    on: "Single keys",
    onMeans: "Off: letters do nothing on this browser, for speech input for instance.",
  },
  screenFailed: "The screen could not be shared. Try again, or choose another window.",
  mutedSpeaking: (hasKeys: boolean): string => (hasKeys ? "You are muted. Press M to be heard." : "You are muted. Switch your microphone on to be heard."),
  connectingWords: "Connecting to the server …",
  lostWords: "Connection lost. Viewers see a slate until you are back.",
  attempt: (n: number) => `Attempt ${n}`,
  refused: {
    on_air: (name: string) => (name ? `${name} is on air. Ask them or the producer to end it, then go live again.` : "Somebody else is on air."),
    event_ended: "This event has ended.",
    no_path: "The server answers, but no sound or picture gets through. A firewall may block UDP: try another network.",
    webrtc: "This browser could not start the connection. Reload the page and try again.",
    too_many: "Too many attempts. Wait a minute, then go live again.",
    replaced: "Another window or program of yours (OBS, for example) is on air. You are not.",
  },
  takeOver: "Take over again",
  end: {
    title: "End your part?",
    means: "Viewers then see a slate until somebody is on air again. The event itself goes on.",
    yes: "End my part",
  },
  over: {
    title: "You are off air",
    means: "Camera and microphone are released.",
    ended: "The event has ended. Thank you.",
    lasted: "On air",
    questions: "Questions",
    answered: "Answered",
    again: "Back to the check",
  },
  question: {
    title: "Question for you",
    none: "No question is on air.",
    noneMeans: "When the producer puts one on air it stands here in large letters.",
    answeredNext: "Answered – next",
    answered: "Answered",
    next: "Next up",
    nothingNext: "No questions are waiting.",
    votes: "votes",
  },
  signal: {
    title: "Your signal",
    sent: "Sent",
    picture: "Picture",
    roundTrip: "Round trip",
    loss: "Loss",
    measuring: "measuring …",
    megabits: (n: string) => `${n} Mbit/s`,
    pictureWords: (width: number, height: number, fps: number) => `${width} × ${height} · ${fps} fps`,
    milliseconds: (n: number) => `${n} ms`,
    percent: (n: string) => `${n} %`,
    cpu: "Your computer is at its limit: close other programs.",
    bandwidth: "Your network is at its limit: the picture is sent smaller.",
  },
  devices: "Change camera or microphone",
  obs: {
    title: "Present with OBS instead",
    means: "In OBS 30 or newer: Settings → Stream → Service “WHIP”. Copy both fields, then start streaming.",
    show: "Show server and token",
    server: "Server",
    token: "Bearer token",
    copyServer: "Copy server address",
    copyToken: "Copy bearer token",
    validUntil: (moment: string) => `Valid until ${moment}. Whoever has the token can go on air: treat it like a password.`,
    settings: "Recommended: 1280 × 720, 30 fps, x264 with 2500 kbit/s CBR, keyframe interval 1 s, profile baseline, tune zerolatency, no B-frames.",
  },
  turnedPresenters: {
    title: "The studio is for presenters",
    means: "Your invitation lets you watch this event. Ask the producer for a presenter link if you are to present.",
    watch: "Go to the event",
  },
};
