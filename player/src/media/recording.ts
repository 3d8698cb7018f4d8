/** Five seconds of camera and microphone, recorded and played back on this machine only. */

const LENGTH_MS = 5000;
const TYPES = ["video/webm;codecs=vp8,opus", "video/mp4", "video/webm", "audio/webm", "audio/mp4"];

export interface Recording {
  /** For a video element's src; revoke when done. */
  readonly address: string;
  readonly hasPicture: boolean;
}

export function canRecord(): boolean {
  return typeof MediaRecorder === "function";
}

export async function record(tracks: readonly MediaStreamTrack[]): Promise<Recording> {
  const stream = new MediaStream([...tracks]);
  const mimeType = TYPES.find((type) => MediaRecorder.isTypeSupported(type));
  const recorder = new MediaRecorder(stream, mimeType ? { mimeType } : {});
  const pieces: Blob[] = [];
  recorder.ondataavailable = ({ data }) => pieces.push(data);
  const over = new Promise<void>((resolve, reject) => {
    recorder.onstop = () => resolve();
    recorder.onerror = () => reject(new Error("recording failed"));
  });
  recorder.start();
  setTimeout(() => recorder.state !== "inactive" && recorder.stop(), LENGTH_MS);
  await over;
  return {
    address: URL.createObjectURL(new Blob(pieces, { type: recorder.mimeType })),
    hasPicture: stream.getVideoTracks().length > 0,
  };
}
