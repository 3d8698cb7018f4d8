/**
 * Plays the push feed by Media Source Extensions: parts are appended on arrival, core/playhead.ts keeps the picture near live.
 *
 * One video element for the page's life. A new encoder's init goes to the same SourceBuffer; a new epoch (the sender lost its zero)
 * is joined to the old timeline by an offset. Decode errors and full buffers that do not yield are answered by building anew.
 */
import { Ledger, type ServerClock } from "../core/latency";
import { bufferedAhead, Pilot, type Range } from "../core/playhead";
import { AUDIO_ONLY } from "../core/quality";
import type { Header, Programme, Rendition } from "../core/wire";
import type { Engine, EngineListener, EngineStats } from "./engine";
import { Playback } from "./playback";
import { Track, type Trouble } from "./track";

const TICK_MS = 100;
/** A step back of ten seconds, and what passes between two evictions. */
const KEEP_BEHIND_S = 12;
/** A jump to less than this before a hole would end in the hole. */
const LEAST_HELD_S = 0.2;
const EVICT_STRIDE_S = 10;
/** A pause keeps at most so much for later; memory is bounded whatever the person does. */
const MOST_AHEAD_S = 120;
/** A longer wait was a broken line or a restarted encoder; more buffer would not have helped. */
const JITTER_MS = 2000;
const MOST_REBUILDS = 3;
const REBUILDS_WITHIN_MS = 30_000;
const MOST_EARLY_PARTS = 64;
const MOST_INITS = 32;

export interface MseListener extends EngineListener {
  /** Nothing is held any more: let the sender begin with the current segment again. */
  restart(): void;
}

type Part = { readonly header: Header; readonly bytes: Uint8Array<ArrayBuffer> };

interface Source extends MediaSource {
  /** ManagedMediaSource only: the browser does not want data just now. */
  readonly streaming?: boolean;
}

function sourceClass(): { new (): Source; isTypeSupported(mime: string): boolean } | undefined {
  const managed = (globalThis as { ManagedMediaSource?: typeof MediaSource }).ManagedMediaSource;
  return globalThis.MediaSource ?? managed;
}

export function canPush(): boolean {
  return sourceClass() !== undefined && "WebSocket" in globalThis;
}

function mimeOf(rendition: Rendition): string {
  return `${rendition.kind}/mp4; codecs="${rendition.codec}"`;
}

function rangesOf(buffered: TimeRanges): Range[] {
  return Array.from({ length: buffered.length }, (_, i) => ({ start: buffered.start(i), end: buffered.end(i) }));
}

export class MseEngine implements Engine {
  readonly path = "push";
  private readonly playback: Playback;
  private readonly pilot = new Pilot();
  private readonly ledger = new Ledger();
  private readonly inits = new Map<string, Uint8Array<ArrayBuffer>>();
  private readonly renditions = new Map<number, Rendition>();
  private readonly early: Part[] = [];
  private readonly rebuiltAt: number[] = [];
  private readonly ticking: ReturnType<typeof setInterval>;
  private source: Source | null = null;
  private address = "";
  private picture: Track | null = null;
  private sound: Track | null = null;
  private choice = "";
  private shown: Rendition | null = null;
  private epoch: number | null = null;
  private offsetS = 0;
  private started = false;
  private following = true;
  private evictedAt = 0;
  private isExcused = false;

  constructor(
    readonly video: HTMLVideoElement,
    readonly clock: ServerClock,
    readonly listener: MseListener,
  ) {
    this.playback = new Playback(video, listener, (durationMs) => this.recovered(durationMs));
    video.addEventListener("error", this.broken);
    this.ticking = setInterval(() => this.tick(), TICK_MS);
  }

  programme(programme: Programme): void {
    if (programme.renditions.length === 0) return;
    this.renditions.clear();
    for (const rendition of programme.renditions) this.renditions.set(rendition.id, rendition);
    if (!this.source && this.choice) this.build();
  }

  choose(choice: string): void {
    const kindChanges = (choice === AUDIO_ONLY) !== (this.choice === AUDIO_ONLY);
    this.choice = choice;
    // The set of SourceBuffers cannot shrink or grow once media is in them.
    if (this.renditions.size > 0 && (!this.source || kindChanges)) this.build();
  }

  init(header: Header, bytes: Uint8Array<ArrayBuffer>): void {
    const key = `${header.rendition}.${header.initId}`;
    this.inits.delete(key);
    this.inits.set(key, bytes);
    const oldest = this.inits.keys().next().value;
    if (this.inits.size > MOST_INITS && oldest !== undefined) this.inits.delete(oldest);
  }

  part(header: Header, bytes: Uint8Array<ArrayBuffer>): void {
    const waits = this.source?.readyState !== "open" || this.source.streaming === false;
    if (!waits && this.early.length === 0) {
      this.append(header, bytes);
      return;
    }
    // Full: the oldest go; the picture then begins with the next independent part.
    if (this.early.length >= MOST_EARLY_PARTS) this.early.splice(0, MOST_EARLY_PARTS / 2);
    this.early.push({ header, bytes });
    if (!waits) this.takeEarly();
  }

  /** The line broke: the drought that follows says nothing about how much this line needs in hand. */
  lineBroke(): void {
    this.isExcused = true;
  }

  pause(): void {
    this.video.pause();
  }

  resume(): void {
    const ahead = bufferedAhead(this.video.currentTime, rangesOf(this.video.buffered));
    this.following = ahead === null || ahead < this.pilot.target + 1;
    void this.playback.start();
  }

  goLive(): void {
    this.following = true;
    this.toLive();
    void this.playback.start();
  }

  holds(wallMs: number): boolean {
    return this.heldAt(wallMs) !== null;
  }

  seekTo(wallMs: number): void {
    const at = this.heldAt(wallMs);
    if (at === null) return;
    this.following = false;
    this.playback.jump(at);
  }

  stats(): EngineStats {
    const at = this.video.currentTime;
    const ranges = rangesOf(this.video.buffered);
    const entry = this.ledger.at(at);
    const wallMs = this.ledger.wallMsAt(at);
    const end = ranges.at(-1)?.end ?? at;
    return {
      latencyMs: wallMs === null || !this.started ? null : this.clock.now(Date.now()) - wallMs,
      wallMs: this.started ? wallMs : null,
      bufferedS: bufferedAhead(at, ranges) ?? 0,
      behindS: this.following && !this.video.paused ? 0 : Math.max(0, end - at - this.pilot.target),
      following: this.following,
      stalls: this.playback.stalls,
      rendition: this.shown?.name ?? "",
      msn: entry?.msn ?? 0,
      part: entry?.part ?? 0,
    };
  }

  close(): void {
    clearInterval(this.ticking);
    this.video.removeEventListener("error", this.broken);
    this.playback.close();
    this.tearDown();
    this.video.removeAttribute("src");
    this.video.load();
  }

  private heldAt(wallMs: number): number | null {
    const at = this.ledger.mediaTimeAt(wallMs);
    const ahead = at === null ? null : bufferedAhead(at, rangesOf(this.video.buffered));
    return ahead !== null && ahead > LEAST_HELD_S ? at : null;
  }

  private build(): void {
    const wanted = this.wanted();
    const Source = sourceClass();
    if (!Source || wanted.some((r) => !Source.isTypeSupported(mimeOf(r)))) {
      this.listener.failed("codec");
      return;
    }
    this.tearDown();
    const source = new Source();
    this.source = source;
    this.address = URL.createObjectURL(source);
    source.addEventListener("sourceopen", () => this.opened(source), { once: true });
    source.addEventListener("startstreaming", () => this.takeEarly());
    // Without this a ManagedMediaSource never opens (it wants an AirPlay source beside it).
    this.video.disableRemotePlayback = true;
    this.video.src = this.address;
  }

  private wanted(): Rendition[] {
    const all = [...this.renditions.values()];
    const picture = this.choice === AUDIO_ONLY ? undefined : all.find((r) => r.name === this.choice);
    return [picture, all.find((r) => r.kind === "audio")].filter((r) => r !== undefined);
  }

  private opened(source: Source): void {
    if (source !== this.source) return;
    for (const rendition of this.wanted()) {
      const track = new Track(source.addSourceBuffer(mimeOf(rendition)), mimeOf(rendition), {
        playedUntil: () => this.video.currentTime,
        appended: () => this.appended(),
        trouble: (trouble) => this.rebuild(trouble),
      });
      if (this.offsetS !== 0) track.offset(this.offsetS);
      if (rendition.kind === "video") this.picture = track;
      else this.sound = track;
    }
    this.takeEarly();
  }

  private takeEarly(): void {
    for (const { header, bytes } of this.early.splice(0)) this.append(header, bytes);
  }

  private append(header: Header, bytes: Uint8Array<ArrayBuffer>): void {
    const rendition = this.renditions.get(header.rendition);
    const track = rendition?.kind === "video" ? this.picture : this.sound;
    const init = this.inits.get(`${header.rendition}.${header.initId}`);
    if (!rendition || !track || !init || this.isLeftBehind(rendition)) return;
    if (track.fresh && rendition.kind === "video" && !header.independent) return;
    this.joinEpoch(header, rendition);
    const key = `${header.rendition}.${header.initId}`;
    if (track.initKey !== key) {
      track.changeType(mimeOf(rendition));
      track.append(init);
      track.initKey = key;
    }
    track.fresh = false;
    track.append(bytes);
    if (rendition.kind === "video" || !this.picture) this.record(header, rendition);
  }

  /** After the first part of the chosen rendition, stragglers of the one before would overwrite it. */
  private isLeftBehind(rendition: Rendition): boolean {
    if (rendition.kind !== "video" || rendition.name === this.choice) return false;
    return this.shown?.name === this.choice;
  }

  private joinEpoch(header: Header, rendition: Rendition): void {
    if (header.epoch === this.epoch) return;
    if (this.epoch !== null) {
      const end = this.ledger.newest?.to ?? this.video.currentTime;
      this.offsetS = end - header.start / rendition.timescale;
      this.picture?.offset(this.offsetS);
      this.sound?.offset(this.offsetS);
    }
    this.epoch = header.epoch;
  }

  private record(header: Header, rendition: Rendition): void {
    const from = header.start / rendition.timescale + this.offsetS;
    const to = from + header.duration / rendition.timescale;
    this.ledger.add({ from, to, wallMs: header.wallMs, msn: header.msn, part: header.part });
    this.shown = rendition;
  }

  /** Between two ticks only what cannot wait: the first picture, and data after a drought. */
  private appended(): void {
    if (!this.started || this.video.readyState < HTMLMediaElement.HAVE_FUTURE_DATA) this.tick();
  }

  private tick(): void {
    const { video } = this;
    const ranges = rangesOf(video.buffered);
    if (ranges.length === 0) return;
    if (!this.started) {
      this.begin();
      return;
    }
    this.evict(ranges);
    if (video.paused) {
      this.pilot.rest(video.currentTime, performance.now());
      return;
    }
    const { currentTime: at, seeking } = video;
    const starved = video.readyState < HTMLMediaElement.HAVE_FUTURE_DATA;
    const playhead = { at, ranges, following: this.following, starved, seeking };
    const { rate, jumpTo, isStuck } = this.pilot.steer(playhead, performance.now());
    if (isStuck) {
      this.rebuild("stuck");
      return;
    }
    if (jumpTo !== null) this.playback.jump(jumpTo);
    if (video.playbackRate !== rate) video.playbackRate = rate;
  }

  private begin(): void {
    this.started = true;
    this.toLive();
    void this.playback.start();
  }

  private toLive(): void {
    const last = rangesOf(this.video.buffered).at(-1);
    this.pilot.settle(performance.now());
    if (last) this.playback.jump(Math.max(last.start, last.end - this.pilot.target));
  }

  private evict(ranges: readonly Range[]): void {
    if (performance.now() - this.evictedAt < 1000) return;
    this.evictedAt = performance.now();
    const end = ranges.at(-1)?.end ?? 0;
    const limit = Math.max(this.video.currentTime - KEEP_BEHIND_S, end - MOST_AHEAD_S);
    this.picture?.evict(limit, EVICT_STRIDE_S);
    this.sound?.evict(limit, EVICT_STRIDE_S);
  }

  private recovered(durationMs: number): void {
    if (this.isExcused) this.pilot.settle(performance.now());
    else if (durationMs < JITTER_MS) this.pilot.stalled(performance.now());
    this.isExcused = false;
  }

  private readonly broken = (): void => {
    if (this.video.error && this.video.getAttribute("src") === this.address) this.rebuild("decode");
  };

  private rebuild(trouble: Trouble): void {
    console.warn("player: rebuilding after", trouble, this.video.error?.message ?? "");
    const now = performance.now();
    this.rebuiltAt.push(now);
    while ((this.rebuiltAt[0] ?? now) < now - REBUILDS_WITHIN_MS) this.rebuiltAt.shift();
    if (this.rebuiltAt.length > MOST_REBUILDS) {
      this.listener.failed(trouble);
      return;
    }
    this.build();
    this.listener.restart();
  }

  private tearDown(): void {
    this.picture?.close();
    this.sound?.close();
    this.picture = this.sound = null;
    this.source = null;
    this.shown = null;
    this.started = false;
    this.epoch = null;
    this.offsetS = 0;
    this.early.length = 0;
    this.ledger.clear();
    if (this.address) URL.revokeObjectURL(this.address);
    this.address = "";
  }
}
