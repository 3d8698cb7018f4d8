/**
 * Keeps the last picture on screen while the video element changes its source: it is black from one `src` to the next.
 *
 * A canvas over the video, drawn once, gone with the first new picture.
 */

const MOST_JUMP_MS = 300;
/** Without this function, or in a hidden tab, nobody tells of a picture; it is there this long after its data. */
const DRAWN_MS = 300;

export class KeptPicture {
  private given = 0;

  constructor(
    private readonly video: HTMLVideoElement,
    private readonly canvas: HTMLCanvasElement,
  ) {}

  /** In the middle of a jump the element has no picture to give, though it shows one: that is waited for. */
  async hold(): Promise<void> {
    const mine = (this.given += 1);
    const { video, canvas } = this;
    if (canvas.hidden && video.seeking) await jumped(video);
    if (mine !== this.given) return;
    // One that is held already is what the person sees; the video under it may be black.
    if (!canvas.hidden || video.videoWidth === 0 || video.readyState < HTMLMediaElement.HAVE_CURRENT_DATA) return;
    canvas.width = video.videoWidth;
    canvas.height = video.videoHeight;
    canvas.getContext("2d")?.drawImage(video, 0, 0);
    canvas.hidden = false;
  }

  /** Call it when the new source has data: the picture is drawn a moment later. One that still waits to be kept is not any more. */
  release(): void {
    const mine = (this.given += 1);
    const gone = () => {
      if (mine === this.given) this.canvas.hidden = true;
    };
    setTimeout(gone, DRAWN_MS);
    if ("requestVideoFrameCallback" in this.video) this.video.requestVideoFrameCallback(gone);
  }
}

function jumped(video: HTMLVideoElement): Promise<void> {
  return new Promise((resolve) => {
    video.addEventListener("seeked", () => resolve(), { once: true });
    setTimeout(resolve, MOST_JUMP_MS);
  });
}
