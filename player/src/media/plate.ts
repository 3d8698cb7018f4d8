/** A name plate as a video track: what viewers see while the camera is off. Drawn here, so that the camera itself can be released. */

const WIDTH = 1280;
const HEIGHT = 720;
/** A still picture still needs frames: the encoder at the other end starts with the next one. */
const EVERY_MS = 500;

export interface Plate {
  readonly track: MediaStreamTrack;
  close(): void;
}

export function namePlate(name: string, title: string): Plate {
  const canvas = document.createElement("canvas");
  canvas.width = WIDTH;
  canvas.height = HEIGHT;
  const context = canvas.getContext("2d");
  const paint = () => context && draw(context, name, title);
  paint();
  const track = canvas.captureStream(5).getVideoTracks()[0] as MediaStreamTrack;
  track.contentHint = "detail";
  const timer = setInterval(paint, EVERY_MS);
  return {
    track,
    close: () => {
      clearInterval(timer);
      track.stop();
    },
  };
}

function draw(context: CanvasRenderingContext2D, name: string, title: string): void {
  const ground = context.createRadialGradient(WIDTH / 2, HEIGHT / 3, 0, WIDTH / 2, HEIGHT / 2, WIDTH / 1.6);
  ground.addColorStop(0, "#26325c");
  ground.addColorStop(1, "#0b0e1a");
  context.fillStyle = ground;
  context.fillRect(0, 0, WIDTH, HEIGHT);
  context.textAlign = "center";
  context.fillStyle = "#f3f5fb";
  write(context, name || title, HEIGHT / 2, 72, 650);
  context.fillStyle = "#aab3cc";
  if (name) write(context, title, HEIGHT / 2 + 76, 34, 400);
}

/** One line, made smaller until it fits. */
function write(context: CanvasRenderingContext2D, text: string, y: number, size: number, weight: number): void {
  let fitting = size;
  do {
    context.font = `${weight} ${fitting}px "Inter Variable", system-ui, sans-serif`;
    fitting -= 4;
  } while (fitting > 16 && context.measureText(text).width > WIDTH * 0.86);
  context.fillText(text, WIDTH / 2, y);
}
