/** Cameras, microphones and screens: opening them, listing them, finding last time's again. */
import { deviceTrouble, type DeviceTrouble } from "../core/trouble";
import { recall, remember } from "../net/remembered";

export type DeviceKind = "camera" | "microphone";

export interface Device {
  readonly id: string;
  readonly label: string;
}

export class CaptureFailed extends Error {
  constructor(
    readonly trouble: DeviceTrouble,
    /** The DOMException's name, for support. */
    readonly errorName: string,
  ) {
    super(errorName);
  }
}

const INPUTS: Readonly<Record<DeviceKind, MediaDeviceKind>> = { camera: "videoinput", microphone: "audioinput" };

/** Browsers give out cameras only to pages that came over TLS or from this machine. */
export function isSecure(): boolean {
  return isSecureContext && navigator.mediaDevices !== undefined;
}

export async function devices(kind: DeviceKind): Promise<Device[]> {
  const all = await navigator.mediaDevices.enumerateDevices();
  return all
    .filter((device) => device.kind === INPUTS[kind] && device.deviceId !== "")
    .map((device) => ({ id: device.deviceId, label: device.label }));
}

/** Ids change when a browser forgets the page's permission; the label then still tells which one it was. */
async function remembered(kind: DeviceKind): Promise<string | null> {
  const [id, label] = (recall(`plenum.${kind}`) ?? "").split("\n");
  const known = await devices(kind).catch(() => []);
  return (known.find((device) => device.id === id) ?? known.find((device) => label && device.label === label))?.id ?? null;
}

function rememberDevice(kind: DeviceKind, track: MediaStreamTrack): void {
  const id = track.getSettings().deviceId;
  if (id) remember(`plenum.${kind}`, `${id}\n${track.label}`);
}

function wishes(kind: DeviceKind, deviceId: ConstrainDOMString | null): MediaTrackConstraints {
  const device = deviceId ? { deviceId } : {};
  if (kind === "microphone") return { ...device, echoCancellation: true, noiseSuppression: true, autoGainControl: true };
  return { ...device, width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30 } };
}

function failure(error: unknown): CaptureFailed {
  const name = error instanceof Error ? error.name : "Error";
  return new CaptureFailed(deviceTrouble(name), name);
}

function hinted(kind: DeviceKind, track: MediaStreamTrack | undefined): MediaStreamTrack | null {
  if (track) track.contentHint = kind === "camera" ? "motion" : "speech";
  return track ?? null;
}

/** `deviceId` null: last time's, else the browser's default. Rejects with CaptureFailed. */
export async function openDevice(kind: DeviceKind, deviceId: string | null): Promise<MediaStreamTrack> {
  if (!isSecure()) throw new CaptureFailed("insecure", "insecure context");
  const known = deviceId ? { exact: deviceId } : await remembered(kind).then((id) => (id ? { ideal: id } : null));
  const constraints = wishes(kind, known);
  try {
    const stream = await navigator.mediaDevices.getUserMedia(kind === "camera" ? { video: constraints } : { audio: constraints });
    const track = hinted(kind, stream.getTracks()[0]);
    if (!track) throw new CaptureFailed("missing", "NotFoundError");
    rememberDevice(kind, track);
    return track;
  } catch (error) {
    throw error instanceof CaptureFailed ? error : failure(error);
  }
}

export interface Opened {
  readonly camera: MediaStreamTrack | CaptureFailed;
  readonly microphone: MediaStreamTrack | CaptureFailed;
}

/** Both with one question to the person; where that fails for another reason than a no, each on its own. */
export async function openBoth(): Promise<Opened> {
  if (!isSecure()) {
    const insecure = new CaptureFailed("insecure", "insecure context");
    return { camera: insecure, microphone: insecure };
  }
  const [camera, microphone] = await Promise.all([remembered("camera"), remembered("microphone")]);
  try {
    const stream = await navigator.mediaDevices.getUserMedia({
      video: wishes("camera", camera ? { ideal: camera } : null),
      audio: wishes("microphone", microphone ? { ideal: microphone } : null),
    });
    const missing = new CaptureFailed("missing", "NotFoundError");
    return {
      camera: hinted("camera", stream.getVideoTracks()[0]) ?? missing,
      microphone: hinted("microphone", stream.getAudioTracks()[0]) ?? missing,
    };
  } catch (error) {
    const failed = failure(error);
    // Asking twice more after a no would be nagging.
    if (failed.trouble === "blocked") return { camera: failed, microphone: failed };
    const one = (kind: DeviceKind) => openDevice(kind, null).catch((why: unknown) => why as CaptureFailed);
    return { camera: await one("camera"), microphone: await one("microphone") };
  }
}

/** Phones cannot. */
export function canShareScreen(): boolean {
  return typeof navigator.mediaDevices?.getDisplayMedia === "function";
}

export interface SharedScreen {
  readonly picture: MediaStreamTrack;
  /** Only where the browser can, for what was chosen, and where the person left it switched on. */
  readonly sound: MediaStreamTrack | null;
}

/** Null when the person closed the browser's choice. Rejects with CaptureFailed otherwise. */
export async function openScreen(): Promise<SharedScreen | null> {
  try {
    const stream = await navigator.mediaDevices.getDisplayMedia({
      video: { frameRate: { ideal: 30, max: 30 }, width: { max: 1920 }, height: { max: 1080 } },
      // Music and films: what cleans a voice would spoil them.
      audio: { echoCancellation: false, noiseSuppression: false, autoGainControl: false },
    });
    const [picture] = stream.getVideoTracks();
    const [sound = null] = stream.getAudioTracks();
    if (!picture) throw new CaptureFailed("missing", "NotFoundError");
    picture.contentHint = "detail";
    return { picture, sound };
  } catch (error) {
    const failed = error instanceof CaptureFailed ? error : failure(error);
    if (failed.errorName === "NotAllowedError") return null;
    throw failed;
  }
}
