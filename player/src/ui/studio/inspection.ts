/** Makes the device checks: measures for real, and takes a result back when what was measured is gone. Rules are in core/checks.ts. */
import { effect, signal } from "@preact/signals";

import { cameraOutcome, codecOutcome, microphoneOutcome, serverOutcome, UNMADE, withOutcome, type CheckName, type Checks, type Outcome } from "../../core/checks";
import { SILENCE_DB } from "../../core/level";
import type { StudioDevices } from "./devices";

const COUNT_FRAMES_MS = 2000;
const LISTEN_MS = 3000;
const AGAIN_MS = 15_000;

export class Inspection {
  readonly checks = signal<Checks>(UNMADE);
  private peaks: { readonly atMs: number; readonly db: number }[] = [];
  private listeningSince = 0;
  private frames = 0;
  private countingSince: number | null = null;

  constructor(
    private readonly devices: StudioDevices,
    /** Resolves when the server answered. */
    private readonly reach: () => Promise<unknown>,
  ) {
    devices.onLevel = (db) => this.heard(db);
    effect(() => this.cameraChanged(devices.camera.value));
    effect(() => this.microphoneChanged(devices.microphone.value));
  }

  /** What needs no device. Repeats, since a server can go away. */
  start(): void {
    void this.checkServer();
    this.set("codec", codecOutcome(globalThis.RTCRtpSender?.getCapabilities("video")?.codecs.map((codec) => codec.mimeType) ?? null));
    setInterval(() => void this.checkServer(), AGAIN_MS);
  }

  /** Counts frames that this element presents, as long as it shows the camera. Returns what ends it. */
  watch(video: HTMLVideoElement): () => void {
    let callback = 0;
    const counted = () => {
      this.frames += 1;
      callback = video.requestVideoFrameCallback(counted);
    };
    if ("requestVideoFrameCallback" in video) callback = video.requestVideoFrameCallback(counted);
    const timer = setInterval(() => this.countUp(video), COUNT_FRAMES_MS / 4);
    return () => {
      clearInterval(timer);
      if (callback) video.cancelVideoFrameCallback(callback);
      // What this element has shown says nothing about the next one.
      if (this.countingSince !== null) this.count();
    };
  }

  private countUp(video: HTMLVideoElement): void {
    if (this.countingSince === null) return;
    if (this.devices.composition.value !== "camera" || document.hidden) {
      // Frames of a screen are not the camera's, and a hidden page presents none: no part of the time that is counted.
      this.count();
      return;
    }
    const elapsedMs = performance.now() - this.countingSince;
    if (elapsedMs < COUNT_FRAMES_MS) return;
    this.set("camera", cameraOutcome(video.videoWidth, video.videoHeight, (this.frames * 1000) / elapsedMs));
    this.count();
  }

  private count(): void {
    this.frames = 0;
    this.countingSince = performance.now();
  }

  private cameraChanged(camera: MediaStreamTrack | null): void {
    if (!camera) this.countingSince = null;
    else this.count();
    this.set("camera", { is: camera ? "running" : "unmade" });
  }

  private microphoneChanged(microphone: MediaStreamTrack | null): void {
    this.peaks = [];
    this.listeningSince = performance.now();
    this.set("microphone", { is: microphone ? "running" : "unmade" });
  }

  private heard(db: number): void {
    if (this.devices.isMuted.value || !this.devices.microphone.value) return;
    const now = performance.now();
    this.peaks = [...this.peaks.filter((peak) => now - peak.atMs < LISTEN_MS), { atMs: now, db }];
    if (now - this.listeningSince < LISTEN_MS) return;
    const loudest = this.peaks.reduce((most, peak) => Math.max(most, peak.db), SILENCE_DB);
    this.set("microphone", microphoneOutcome(loudest));
  }

  private async checkServer(): Promise<void> {
    if (this.checks.peek().server.is === "unmade") this.set("server", { is: "running" });
    const before = performance.now();
    const reached = await this.reach().then(() => true, () => false);
    this.set("server", serverOutcome(reached ? performance.now() - before : null));
  }

  /** Loudness comes twenty times a second; only a change is worth a redraw. */
  private set(name: CheckName, outcome: Outcome): void {
    const known = this.checks.peek();
    if (JSON.stringify(known[name]) !== JSON.stringify(outcome)) this.checks.value = withOutcome(known, name, outcome);
  }
}
