/**
 * Plays the push feed by Media Source Extensions: parts are appended on arrival, core/playhead.ts keeps the picture near live.
 *
 * Picture and sound may come on lines of their own. Where the picture does not come it stands still (media/picture.ts), and the
 * sound alone says how far live is. One video element for the page's life. A new encoder's init goes to the same SourceBuffer; a new epoch (the sender lost its zero)
 * is joined to the old timeline by an offset. Decode errors and full buffers that do not yield are answered by building anew.
 */
import { Epochs } from "../core/epochs";
import { Interruptions } from "../core/interruptions";
import { Ledger, type Entry, type ServerClock } from "../core/latency";
import { bufferedAhead, Pilot, type Range } from "../core/playhead";
import { AUDIO_ONLY, AUTO } from "../core/quality";
import type { Header, Programme, Rendition, Selected } from "../core/wire";
import type { Engine, EngineListener, EngineStats, Switch } from "./engine";
import { Picture } from "./picture";
import { Playback } from "./playback";
import { Track, type Media, type Trouble } from "./track";

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
  /** Nothing is held any more: let the sender begin with the current segment again; `sound`: that is all that is wanted. */
  restart(what: "all" | "sound"): void;
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
  /** Filled by who knows why: the owner of the lines. */
  readonly switches: Switch[] = [];
  private readonly playback: Playback;
  private readonly pilot = new Pilot();
  private readonly interruptions = new Interruptions();
  private readonly epochs = new Epochs();
  private readonly seen = new Ledger();
  private readonly heard = new Ledger();
  private readonly inits = new Map<string, Uint8Array<ArrayBuffer>>();
  private readonly renditions = new Map<number, Rendition>();
  private readonly early: Part[] = [];
  private readonly rebuiltAt: number[] = [];
  private readonly ticking: ReturnType<typeof setInterval>;
  private source: Source | null = null;
  private address = "";
  private picture: Picture | null = null;
  private sound: Track | null = null;
  private segmentS = 2;
  private choice = "";
  /** What comes of AUTO: a rendition's name, "" for no picture; null until the sender says. */
  private selection: string | null = null;
  private shown: Rendition | null = null;
  /** No more of this picture is on its way. */
  private isGivenUp = false;
  private isCutOff = false;
  private isLate = false;
  private started = false;
  private following = true;
  /** What is built anew is as still as the person left it … */
  private isPaused = false;
  /** … and says that it stands where it stood, until it goes on. Null where that was live. */
  private leftMs: number | null = null;
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
    this.segmentS = programme.segment_s;
    if (!this.source && this.choice) this.build();
  }

  choose(choice: string): void {
    if (choice === this.choice && this.source) return;
    const kindChanges = (choice === AUDIO_ONLY) !== (this.choice === AUDIO_ONLY);
    this.choice = choice;
    this.selection = null;
    // The set of SourceBuffers cannot shrink or grow once media is in them.
    if (this.renditions.size > 0 && (!this.source || kindChanges)) this.build();
  }

  /** Of AUTO: what the sender chose. */
  select(selected: Selected): void {
    if (this.choice !== AUTO) return;
    this.selection = selected.rendition;
    if (selected.abandoned || selected.rendition === "") this.isGivenUp = true;
    // A source that was built while there was only sound has no place for the picture that comes now.
    if (selected.rendition !== "" && this.source?.readyState === "open" && !this.picture) {
      this.build();
      this.listener.restart("sound");
    }
  }

  /** Parts before this one were not sent and will not be. */
  gap(header: Header): void {
    if (this.renditions.get(header.rendition)?.kind === "video") this.isGivenUp = true;
  }

  /** The line that brings the picture is broken, the one that brings the sound is not. */
  cutOff(isCutOff: boolean): void {
    this.isCutOff = isCutOff;
  }

  /** The picture comes later than usual: the sound may be next. */
  late(isLate: boolean): void {
    this.isLate = isLate;
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
    this.isPaused = true;
    this.video.pause();
  }

  resume(): void {
    const ahead = bufferedAhead(this.video.currentTime, this.ranges());
    this.following = ahead === null || ahead < this.pilot.target + 1;
    this.start();
  }

  goLive(): void {
    this.following = true;
    this.toLive();
    this.start();
  }

  holds(wallMs: number): boolean {
    return this.heldAt(wallMs) !== null;
  }

  seekTo(wallMs: number): void {
    const at = this.heldAt(wallMs);
    if (at === null) return;
    this.following = false;
    this.leftMs = null;
    this.playback.jump(at);
  }

  stats(): EngineStats {
    const at = this.video.currentTime;
    const ranges = this.ranges();
    const ledger = this.seen.wallMsAt(at) === null ? this.heard : this.seen;
    const entry = ledger.at(at);
    const wallMs = this.leftMs ?? ledger.wallMsAt(at);
    const end = ranges.at(-1)?.end ?? at;
    return {
      latencyMs: wallMs === null || !this.started ? null : this.clock.now(Date.now()) - wallMs,
      wallMs: this.started || this.leftMs !== null ? wallMs : null,
      bufferedS: bufferedAhead(at, ranges) ?? 0,
      behindS: this.following && !this.video.paused ? 0 : Math.max(0, end - at - this.pilot.target),
      following: this.following,
      stalls: this.playback.stalls,
      rendition: this.shown?.name ?? "",
      msn: entry?.msn ?? 0,
      part: entry?.part ?? 0,
      isStill: this.isStill(),
      frozenMs: Math.round(this.interruptions.frozenMs),
      silentMs: Math.round(this.interruptions.silentMs),
    };
  }

  /** The part of the picture, or of the sound, that is playing. */
  played(kind: Rendition["kind"]): Entry | null {
    return (kind === "video" ? this.seen : this.heard).at(this.video.currentTime);
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
    const at = this.seen.mediaTimeAt(wallMs) ?? this.heard.mediaTimeAt(wallMs);
    const ahead = at === null ? null : bufferedAhead(at, this.ranges());
    return ahead !== null && ahead > LEAST_HELD_S ? at : null;
  }

  private build(): void {
    const wanted = this.wanted();
    const Source = sourceClass();
    if (!Source || wanted.some((r) => !Source.isTypeSupported(mimeOf(r)))) {
      this.listener.failed("codec");
      return;
    }
    this.noteWhere();
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
    const name = this.expected();
    // Of AUTO any will do: the type changes with the first part.
    const picture = all.find((r) => r.kind === "video" && (name === null || r.name === name));
    return [picture, all.find((r) => r.kind === "audio")].filter((r) => r !== undefined);
  }

  /** The name of the rendition that should be on screen, "" for none; null while the sender has not said. */
  private expected(): string | null {
    if (this.choice === AUDIO_ONLY) return "";
    return this.choice === AUTO ? this.selection : this.choice;
  }

  private opened(source: Source): void {
    if (source !== this.source) return;
    for (const rendition of this.wanted()) {
      const track = new Track(source.addSourceBuffer(mimeOf(rendition)), mimeOf(rendition), {
        playedUntil: () => this.video.currentTime,
        appended: () => this.appended(),
        trouble: (trouble) => this.rebuild(trouble),
      });
      if (rendition.kind === "video") this.picture = new Picture(track, this.segmentS);
      else this.sound = track;
    }
    this.takeEarly();
  }

  private takeEarly(): void {
    for (const { header, bytes } of this.early.splice(0)) this.append(header, bytes);
  }

  private append(header: Header, bytes: Uint8Array<ArrayBuffer>): void {
    const rendition = this.renditions.get(header.rendition);
    const init = this.inits.get(`${header.rendition}.${header.initId}`);
    if (!rendition || !init) return;
    if (rendition.kind === "video") this.appendPicture(this.mediaOf(header, bytes, rendition, init));
    else this.appendSound(this.mediaOf(header, bytes, rendition, init));
  }

  private mediaOf(header: Header, bytes: Uint8Array<ArrayBuffer>, rendition: Rendition, init: Uint8Array<ArrayBuffer>): Media {
    const startS = header.start / rendition.timescale;
    const ends = [this.picture?.end, this.heard.newest?.to].filter((end) => typeof end === "number");
    const offsetS = this.epochs.offsetOf(header.epoch, startS, ends.length > 0 ? Math.max(...ends) : null);
    const from = startS + offsetS;
    const to = from + header.duration / rendition.timescale;
    return { header, bytes, rendition, init, mime: mimeOf(rendition), from, to, offsetS };
  }

  private appendPicture(media: Media): void {
    const { picture, video } = this;
    if (!picture || this.isLeftBehind(media.rendition)) return;
    for (const { header, from, to, rendition } of picture.add(media, video.currentTime)) {
      this.isGivenUp = false;
      this.shown = rendition;
      this.seen.add({ from, to, wallMs: header.wallMs, msn: header.msn, part: header.part });
    }
  }

  private appendSound(media: Media): void {
    if (!this.sound) return;
    this.sound.put(media);
    const { header, from, to, rendition } = media;
    this.heard.add({ from, to, wallMs: header.wallMs, msn: header.msn, part: header.part });
    if (!this.picture) this.shown = rendition;
  }

  /** After the first part of the chosen rendition, stragglers of the one before would overwrite it. */
  private isLeftBehind(rendition: Rendition): boolean {
    const expected = this.expected();
    return rendition.name !== expected && this.shown?.name === expected;
  }

  /** Between two ticks only what cannot wait: the first picture, and data after a drought. */
  private appended(): void {
    if (!this.started || this.video.readyState < HTMLMediaElement.HAVE_FUTURE_DATA) this.tick();
  }

  private tick(): void {
    const { video } = this;
    if (video.buffered.length === 0) return;
    if (!this.started) {
      this.begin();
      return;
    }
    this.fillPicture(video.currentTime);
    const ranges = this.ranges();
    this.evict(ranges);
    if (video.paused) {
      this.interruptions.rest();
      this.pilot.rest(video.currentTime, performance.now());
      return;
    }
    if (this.playback.everPlayed) this.interruptions.look(performance.now(), video.currentTime, this.isStill(), video.playbackRate);
    const { currentTime: at, seeking } = video;
    const starved = video.readyState < HTMLMediaElement.HAVE_FUTURE_DATA;
    const still = this.sound !== null && (this.isLate || this.isStill());
    const playhead = { at, ranges, following: this.following, starved, seeking, still };
    const { rate, jumpTo, isStuck } = this.pilot.steer(playhead, performance.now());
    if (isStuck) {
      this.rebuild("stuck");
      return;
    }
    if (jumpTo !== null) this.jump(jumpTo);
    if (video.playbackRate !== rate) video.playbackRate = rate;
  }

  private fillPicture(at: number): void {
    const { picture, sound, video } = this;
    if (!picture || !sound) return;
    const isAbsent = this.isGivenUp || this.isCutOff;
    const isStarved = video.readyState < HTMLMediaElement.HAVE_FUTURE_DATA;
    const ahead = bufferedAhead(at, rangesOf(sound.buffer.buffered));
    picture.fill({ at, soundEnd: ahead === null ? null : at + ahead, isAbsent, isStarved });
    // The sound gets further behind, until pictures of this line come in time.
    if (picture.takeMissed()) this.pilot.stalled(performance.now());
  }

  private isStill(): boolean {
    return this.picture?.stands(this.video.currentTime) ?? false;
  }

  /** What there is to play: both, or the sound alone while the picture stands still anyway. */
  private ranges(): Range[] {
    return rangesOf(this.sound && this.isStill() ? this.sound.buffer.buffered : this.video.buffered);
  }

  private jump(to: number): void {
    this.playback.jump(to);
    // Where there is no picture a jump would not end.
    if (this.picture?.end !== null) this.fillPicture(to);
  }

  private begin(): void {
    this.started = true;
    const at = this.leftMs === null ? null : this.heldAt(this.leftMs);
    if (at === null) this.toLive();
    else this.playback.jump(at);
    if (this.isPaused) return;
    this.following ||= at === null;
    this.start();
  }

  private start(): void {
    this.isPaused = false;
    this.leftMs = null;
    void this.playback.start();
  }

  /** Before the source goes, for the next one. A pause may be the browser's: media keys, picture in picture. */
  private noteWhere(): void {
    if (!this.started) return;
    this.isPaused = this.video.paused;
    if (this.isPaused || !this.following) this.leftMs = this.stats().wallMs;
  }

  private toLive(): void {
    const last = this.ranges().at(-1);
    this.pilot.settle(performance.now());
    if (last) this.jump(Math.max(last.start, last.end - this.pilot.target));
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
    this.listener.restart(this.expected() === "" ? "sound" : "all");
  }

  private tearDown(): void {
    this.picture?.track.close();
    this.sound?.close();
    this.picture = this.sound = null;
    this.source = null;
    this.shown = null;
    this.started = false;
    this.isGivenUp = false;
    this.early.length = 0;
    this.epochs.forget();
    this.seen.clear();
    this.heard.clear();
    if (this.address) URL.revokeObjectURL(this.address);
    this.address = "";
  }
}
