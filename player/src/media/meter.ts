/** Listens to a microphone twenty times a second. It hears a clone, so that it can tell when somebody speaks while muted. */
import { peakDb } from "../core/level";

const EVERY_MS = 50;

export class LevelMeter {
  private readonly context = new AudioContext();
  private readonly analyser: AnalyserNode;
  private readonly ears: MediaStreamTrack;
  private readonly timer: ReturnType<typeof setInterval>;

  constructor(microphone: MediaStreamTrack, onLevel: (db: number) => void) {
    this.ears = microphone.clone();
    this.ears.enabled = true;
    this.analyser = new AnalyserNode(this.context, { fftSize: 2048 });
    this.context.createMediaStreamSource(new MediaStream([this.ears])).connect(this.analyser);
    const samples = new Float32Array(this.analyser.fftSize);
    this.timer = setInterval(() => {
      if (this.context.state !== "running") {
        void this.context.resume();
        return;
      }
      this.analyser.getFloatTimeDomainData(samples);
      onLevel(peakDb(samples));
    }, EVERY_MS);
  }

  close(): void {
    clearInterval(this.timer);
    this.ears.stop();
    void this.context.close();
  }
}
