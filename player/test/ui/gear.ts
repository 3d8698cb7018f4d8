/** Cameras and microphones without any: the browser's answers come when a test gives them. */
import { vi } from "vitest";

export class FakeTrack extends EventTarget {
  readyState: "live" | "ended" = "live";
  enabled = true;
  contentHint = "";

  constructor(
    readonly kind: "video" | "audio",
    readonly label: string = kind,
  ) {
    super();
  }

  stop(): void {
    this.readyState = "ended";
  }

  getSettings(): MediaTrackSettings {
    return { deviceId: this.label };
  }
}

export class FakeStream {
  constructor(readonly tracks: readonly FakeTrack[] = []) {}

  getTracks = (): readonly FakeTrack[] => this.tracks;
  getVideoTracks = (): readonly FakeTrack[] => this.tracks.filter((track) => track.kind === "video");
  getAudioTracks = (): readonly FakeTrack[] => this.tracks.filter((track) => track.kind === "audio");
}

interface Ask {
  readonly wishes: MediaStreamConstraints;
  answer(stream: FakeStream): void;
  refuse(name: string): void;
}

/** Every question that the page asked, oldest first, and every track that it was given. */
export class Gear {
  readonly asked: Ask[] = [];
  readonly given: FakeTrack[] = [];

  constructor() {
    vi.stubGlobal("isSecureContext", true);
    vi.stubGlobal("MediaStream", FakeStream);
    const mediaDevices = Object.assign(new EventTarget(), {
      enumerateDevices: async () => [],
      getUserMedia: (wishes: MediaStreamConstraints) => this.ask(wishes),
    });
    Object.defineProperty(navigator, "mediaDevices", { value: mediaDevices, configurable: true });
  }

  get live(): FakeTrack[] {
    return this.given.filter((track) => track.readyState === "live");
  }

  /** Answers the question asked last, or the nth; the page goes on before this resolves. */
  async answer(n = -1, label = "one"): Promise<FakeTrack[]> {
    await settled();
    const ask = this.asked.at(n);
    if (!ask) throw new Error("nothing was asked");
    const tracks: FakeTrack[] = [];
    if (ask.wishes.video) tracks.push(new FakeTrack("video", label));
    if (ask.wishes.audio) tracks.push(new FakeTrack("audio", label));
    this.given.push(...tracks);
    ask.answer(new FakeStream(tracks));
    await settled();
    return tracks;
  }

  private ask(wishes: MediaStreamConstraints): Promise<FakeStream> {
    return new Promise((answer, reject) => {
      const refuse = (name: string) => reject(new DOMException(name, name));
      this.asked.push({ wishes, answer, refuse });
    });
  }
}

/** Promises that wait for nothing but each other have run. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
}
