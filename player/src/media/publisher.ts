/**
 * The presenter's way on air: one RTCPeerConnection after the other, until `end`.
 *
 * A connection that failed, was disconnected for 2 s or is not answered any more is replaced by a new WHIP POST (the server knows no ICE restart); the same
 * person's new source replaces the old one at once, so viewers see a slate for as long as it takes. Tracks outlive connections.
 *
 * What surprises: to be replaced by another window or OBS of the same person looks like a broken connection. So every new POST names the
 * session that broke, and the server refuses it with `replaced` instead of letting the two put each other off air for ever.
 */
import { waitMs, type Backoff } from "../core/backoff";
import { Problem } from "../core/problem";
import { preferredCodecs, withSteadySound } from "../core/sdp";
import { sampleOf, uplinkBetween, type Uplink, type UplinkSample } from "../core/uplink";
import { publish, unpublish } from "../net/whip";

const BACKOFF: Backoff = { firstMs: 400, mostMs: 5000 };
const DISCONNECTED_MS = 2000;
/** The server answers media with feedback twenty times a second. ICE alone would notice its death only after five to seven seconds. */
const SILENT_MS = 2500;
const PULSE_MS = 500;
const CONNECTING_MS = 10_000;
/** The server takes no trickled candidates: wait for ours, but not for one that never comes. */
const GATHERING_MS = 1500;
/** How long the server may take to let go of a session before the connection closes anyhow. */
const FAREWELL_MS = 2000;
const MAX_VIDEO_BPS = 3_500_000;
const MAX_FPS = 30;

export type PublishState =
  | { readonly is: "idle" }
  | { readonly is: "connecting"; readonly attempt: number }
  | { readonly is: "air" }
  /** Was on air; attempt n waits until `nextAtMs` (performance clock) or is under way. */
  | { readonly is: "lost"; readonly attempt: number; readonly nextAtMs: number }
  | { readonly is: "ended" }
  | { readonly is: "refused"; readonly problem: Problem };

/** Trying again would not help: who is on air (also: another window of ours), the role, the event's end. */
function isFinal(problem: Problem): boolean {
  return problem.status >= 400 && problem.status < 500 && problem.status !== 408 && problem.status !== 429;
}

interface Connection {
  readonly pc: RTCPeerConnection;
  readonly video: RTCRtpSender;
  readonly audio: RTCRtpSender;
  resource: string | null;
}

export class Publisher {
  private tracks: { video: MediaStreamTrack | null; audio: MediaStreamTrack | null } = { video: null, audio: null };
  private connection: Connection | null = null;
  private state: PublishState = { is: "idle" };
  private attempt = 0;
  private everOnAir = false;
  private retry: ReturnType<typeof setTimeout> | undefined;
  private patience: ReturnType<typeof setTimeout> | undefined;
  private pulse: ReturnType<typeof setInterval> | undefined;
  private before: UplinkSample | null = null;
  /** The last session that the server told us of. */
  private session: string | null = null;

  constructor(
    readonly address: string,
    readonly onState: (state: PublishState) => void,
  ) {}

  /** What to send, now and over all reconnects; null sends nothing of that kind. */
  async send(kind: "video" | "audio", track: MediaStreamTrack | null): Promise<void> {
    this.tracks[kind] = track;
    await this.connection?.[kind].replaceTrack(track);
  }

  start(): void {
    if (this.state.is !== "idle" && this.state.is !== "refused") return;
    this.attempt = 0;
    this.everOnAir = false;
    this.session = null;
    void this.connect();
  }

  /** Take me off air; `leaving`: with the last breath of the page. */
  async end(leaving = false): Promise<void> {
    const connection = this.release();
    this.become({ is: "ended" });
    if (!connection) return;
    // Nothing more is sent from here on, but the connection's own goodbye follows the DELETE: it would end the session that this names.
    void connection.video.replaceTrack(null);
    void connection.audio.replaceTrack(null);
    if (connection.resource) await Promise.race([unpublish(connection.resource, leaving), after(FAREWELL_MS)]);
    connection.pc.close();
  }

  /** Null before two looks at one connection. */
  async uplink(): Promise<Uplink | null> {
    const pc = this.connection?.pc;
    if (!pc || pc.connectionState !== "connected") return null;
    const now = await look(pc);
    const before = this.before;
    this.before = now;
    return before && uplinkBetween(before, now);
  }

  private async connect(): Promise<void> {
    this.drop();
    this.attempt += 1;
    if (this.everOnAir) this.become({ is: "lost", attempt: this.attempt, nextAtMs: performance.now() });
    else this.become({ is: "connecting", attempt: this.attempt });
    const connection = open(this.tracks);
    this.connection = connection;
    connection.pc.onconnectionstatechange = () => this.changed(connection);
    this.patience = setTimeout(() => this.broken(connection), CONNECTING_MS);
    try {
      await this.negotiate(connection);
    } catch (error) {
      if (connection !== this.connection) return;
      const problem = error instanceof Problem ? error : new Problem(0, "webrtc", String(error));
      if (isFinal(problem) || !this.everOnAir) this.refuse(problem);
      else this.broken(connection);
    }
  }

  private async negotiate(connection: Connection): Promise<void> {
    const { pc } = connection;
    await pc.setLocalDescription();
    await gathered(pc);
    if (connection !== this.connection) return;
    const session = await publish(this.address, pc.localDescription?.sdp ?? "", this.session);
    if (connection !== this.connection) {
      // Ended while the server answered: nobody may stay on air by accident.
      await unpublish(session.resource);
      return;
    }
    connection.resource = this.session = session.resource;
    await pc.setRemoteDescription({ type: "answer", sdp: withSteadySound(session.answer) });
    // A server that closes in good order says so on the DTLS transport; the connection's own state may take seconds to follow.
    connection.audio.transport?.addEventListener("statechange", ({ target }) => {
      if (target instanceof RTCDtlsTransport && target.state === "closed") this.broken(connection);
    });
    await keepResolution(connection.video);
  }

  private changed(connection: Connection): void {
    if (connection !== this.connection) return;
    clearTimeout(this.patience);
    switch (connection.pc.connectionState) {
      case "connected":
        this.attempt = 0;
        this.everOnAir = true;
        this.feelPulse(connection);
        this.become({ is: "air" });
        return;
      case "disconnected":
        this.patience = setTimeout(() => this.broken(connection), DISCONNECTED_MS);
        return;
      case "failed":
      case "closed":
        this.broken(connection);
        return;
      default:
        this.patience = setTimeout(() => this.broken(connection), CONNECTING_MS);
    }
  }

  private feelPulse(connection: Connection): void {
    let heard = -1;
    let heardAt = performance.now();
    clearInterval(this.pulse);
    this.pulse = setInterval(async () => {
      const { bytesReceived } = await look(connection.pc);
      if (bytesReceived !== heard) heardAt = performance.now();
      heard = bytesReceived;
      if (performance.now() - heardAt > SILENT_MS) this.broken(connection);
    }, PULSE_MS);
  }

  private broken(connection: Connection): void {
    if (connection !== this.connection) return;
    if (!this.everOnAir) {
      this.refuse(new Problem(0, "no_path", "No media connection to the server came about."));
      return;
    }
    this.drop();
    // The first new attempt goes at once: every half second is a slate for all viewers.
    const wait = this.attempt === 0 ? 0 : waitMs(BACKOFF, this.attempt, Math.random());
    this.become({ is: "lost", attempt: this.attempt + 1, nextAtMs: performance.now() + wait });
    this.retry = setTimeout(() => void this.connect(), wait);
  }

  private refuse(problem: Problem): void {
    const resource = this.connection?.resource;
    this.drop();
    this.become({ is: "refused", problem });
    if (resource) void unpublish(resource);
  }

  private drop(): void {
    this.release()?.pc.close();
  }

  /** The connection that was; from now on it may do what it likes. */
  private release(): Connection | null {
    clearTimeout(this.retry);
    clearTimeout(this.patience);
    clearInterval(this.pulse);
    const connection = this.connection;
    this.connection = null;
    this.before = null;
    if (connection) connection.pc.onconnectionstatechange = null;
    return connection;
  }

  private become(state: PublishState): void {
    this.state = state;
    this.onState(state);
  }
}

function open(tracks: { video: MediaStreamTrack | null; audio: MediaStreamTrack | null }): Connection {
  const pc = new RTCPeerConnection({ bundlePolicy: "max-bundle" });
  const stream = new MediaStream();
  const audio = pc.addTransceiver(tracks.audio ?? "audio", { direction: "sendonly", streams: [stream] });
  const video = pc.addTransceiver(tracks.video ?? "video", {
    direction: "sendonly",
    streams: [stream],
    sendEncodings: [{ maxBitrate: MAX_VIDEO_BPS, maxFramerate: MAX_FPS }],
  });
  try {
    video.setCodecPreferences(preferredCodecs(RTCRtpSender.getCapabilities("video")?.codecs ?? []));
  } catch {
    // An older browser offers in its own order; the server decodes VP8 too.
  }
  return { pc, video: video.sender, audio: audio.sender, resource: null };
}

const after = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

async function look(pc: RTCPeerConnection): Promise<UplinkSample> {
  return sampleOf((await pc.getStats()).values() as Iterable<Record<string, unknown>>, performance.now());
}

async function gathered(pc: RTCPeerConnection): Promise<void> {
  if (pc.iceGatheringState === "complete") return;
  await new Promise<void>((resolve) => {
    const enough = setTimeout(resolve, GATHERING_MS);
    pc.addEventListener("icegatheringstatechange", () => {
      if (pc.iceGatheringState !== "complete") return;
      clearTimeout(enough);
      resolve();
    });
  });
}

/** Else WebRTC starts at 320x180 and climbs for ten seconds. Not in every browser's typings, nor in every browser. */
async function keepResolution(sender: RTCRtpSender): Promise<void> {
  const parameters = sender.getParameters() as RTCRtpSendParameters & { degradationPreference?: string };
  parameters.degradationPreference = "maintain-resolution";
  await sender.setParameters(parameters).catch(() => undefined);
}
