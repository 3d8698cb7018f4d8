/**
 * The microphone and the sound of what is shared, as one track. Nothing of it is played here: the presenter hears the tab itself, and what
 * came out of the loudspeakers again would be an echo. A muted microphone is a track of silence, so the rest goes on.
 */
const SHARED_GAIN = 0.7;

export class Mixer {
  readonly track: MediaStreamTrack;
  private readonly context = new AudioContext();
  private readonly mix = this.context.createMediaStreamDestination();
  private microphone: MediaStreamAudioSourceNode | null = null;

  constructor(shared: MediaStreamTrack) {
    this.track = this.mix.stream.getAudioTracks()[0] as MediaStreamTrack;
    const quieter = new GainNode(this.context, { gain: SHARED_GAIN });
    this.context.createMediaStreamSource(new MediaStream([shared])).connect(quieter).connect(this.mix);
    // A telephone call or a changed loudspeaker suspends it in some browsers; viewers would hear nothing at all.
    this.context.onstatechange = () => this.run();
    this.run();
  }

  /** Null: only what is shared is heard. */
  speakInto(microphone: MediaStreamTrack | null): void {
    this.microphone?.disconnect();
    this.microphone = microphone && this.context.createMediaStreamSource(new MediaStream([microphone]));
    this.microphone?.connect(this.mix);
  }

  close(): void {
    this.context.onstatechange = null;
    this.track.stop();
    void this.context.close();
  }

  private run(): void {
    if (this.context.state !== "running" && this.context.state !== "closed") void this.context.resume();
  }
}
