/**
 * A shared screen as the track that goes out: letterboxed, with the camera in its corner where it is wanted. core/composition.ts says
 * what stands where and when a picture is due; here it is drawn.
 *
 * Whoever shares a screen looks at something else, so this page is hidden just then and gets no animation frame and no
 * requestVideoFrameCallback. A worker's clock asks for pictures instead; the callback only makes a visible page know of them sooner.
 */
import { AT_ONCE, contained, covering, FRAME, hintOf, insetBox, paced, type Box, type Pace, type Size } from "../core/composition";

const INSET = insetBox(FRAME);

export class Composer {
  readonly track: MediaStreamTrack;
  private readonly context: CanvasRenderingContext2D;
  private readonly clock: Worker;
  private readonly screen: Source;
  private camera: Source | null = null;
  private pace: Pace = AT_ONCE;
  private hasChanged = true;

  constructor(screen: MediaStreamTrack) {
    const canvas = document.createElement("canvas");
    canvas.width = FRAME.width;
    canvas.height = FRAME.height;
    this.context = canvas.getContext("2d", { alpha: false }) as CanvasRenderingContext2D;
    this.context.imageSmoothingQuality = "high";
    this.screen = new Source(screen);
    // Without a rate every drawing is a frame: the pace is ours, and no timer of a hidden page has a say in it.
    this.track = canvas.captureStream().getVideoTracks()[0] as MediaStreamTrack;
    this.track.contentHint = hintOf("screen");
    this.clock = new Worker(new URL("./metronome.worker.ts", import.meta.url));
    this.clock.onmessage = () => this.tick();
  }

  /** The camera in the corner from the next picture on, or none. The track stays the same. */
  inset(camera: MediaStreamTrack | null): void {
    if (camera === (this.camera?.track ?? null)) return;
    this.camera?.close();
    this.camera = camera && new Source(camera);
    this.track.contentHint = hintOf(camera ? "inset" : "screen");
    this.hasChanged = true;
  }

  close(): void {
    this.clock.terminate();
    this.track.stop();
    this.screen.close();
    this.camera?.close();
  }

  private tick(): void {
    // Both are asked: a source that is not asked would be fresh for ever.
    const hasNews = [this.screen.isFresh(), this.camera?.isFresh() ?? false].includes(true);
    this.hasChanged ||= hasNews;
    const pace = paced(this.pace, performance.now(), this.hasChanged);
    if (!pace) return;
    this.pace = pace;
    this.hasChanged = false;
    this.draw();
  }

  private draw(): void {
    const { context, screen, camera } = this;
    context.fillStyle = "#000";
    context.fillRect(0, 0, FRAME.width, FRAME.height);
    if (screen.size) paint(context, screen.video, whole(screen.size), contained(screen.size, FRAME));
    if (!camera?.size) return;
    context.save();
    context.beginPath();
    context.roundRect(INSET.x, INSET.y, INSET.width, INSET.height, INSET.radius);
    context.clip();
    // As others see the person, not as a mirror does.
    paint(context, camera.video, covering(camera.size, INSET), INSET);
    context.restore();
  }
}

/** A track as something that can be drawn, and whether it has a new picture since it was last asked. */
class Source {
  readonly video = document.createElement("video");
  private counted = 0;
  private called = false;

  constructor(readonly track: MediaStreamTrack) {
    this.video.muted = true;
    this.video.playsInline = true;
    this.video.srcObject = new MediaStream([track]);
    // Refused only when it is replaced before it began.
    void this.video.play().catch(() => undefined);
    this.listen();
  }

  /** Null before the first picture. */
  get size(): Size | null {
    const { videoWidth: width, videoHeight: height, readyState } = this.video;
    return width > 0 && height > 0 && readyState >= HTMLMediaElement.HAVE_CURRENT_DATA ? { width, height } : null;
  }

  isFresh(): boolean {
    // Hidden pages are not called back, but Chromium and Safari go on counting; Firefox does not count a stream's frames.
    const count = this.video.getVideoPlaybackQuality().totalVideoFrames;
    const isFresh = this.called || count !== this.counted;
    this.called = false;
    this.counted = count;
    return isFresh;
  }

  close(): void {
    this.video.srcObject = null;
  }

  private listen(): void {
    if (!("requestVideoFrameCallback" in this.video)) return;
    const came = () => {
      this.called = true;
      this.video.requestVideoFrameCallback(came);
    };
    this.video.requestVideoFrameCallback(came);
  }
}

function whole(size: Size): Box {
  return { x: 0, y: 0, ...size };
}

function paint(context: CanvasRenderingContext2D, video: HTMLVideoElement, from: Box, to: Box): void {
  context.drawImage(video, from.x, from.y, from.width, from.height, to.x, to.y, to.width, to.height);
}
