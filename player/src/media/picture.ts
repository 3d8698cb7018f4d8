/**
 * The picture's SourceBuffer: real parts, and pictures that stand still where none come.
 *
 * core/stillness.ts decides what is filled and which part ends that, media/still.ts makes the bytes.
 */
import { Stillness, type Moment, type Piece } from "../core/stillness";
import { Still } from "./still";
import type { Media, Track } from "./track";

function pieceOf({ header, from, to }: Media): Piece {
  return { from, to, independent: header.independent };
}

export class Picture {
  private readonly stillness: Stillness;
  private readonly still = new Still();
  private readonly held: Media[] = [];
  private last: Media | null = null;

  constructor(
    readonly track: Track,
    segmentS: number,
  ) {
    this.stillness = new Stillness(segmentS);
  }

  /** Where the picture in hand ends; null before the first. */
  get end(): number | null {
    return this.stillness.end;
  }

  stands(at: number): boolean {
    return this.stillness.stands(at);
  }

  takeMissed(): boolean {
    return this.stillness.takeMissed();
  }

  /** A part came; returns those that were appended now. */
  add(media: Media, at: number): readonly Media[] {
    if (this.track.fresh && !media.header.independent) return [];
    const verdict = this.stillness.judge(pieceOf(media), at);
    if (verdict === "append") this.append(media);
    if (verdict === "append" || verdict === "drop") {
      this.held.length = 0;
      return verdict === "append" ? [media] : [];
    }
    if (media.header.independent) this.held.length = 0;
    this.held.push(media);
    if (verdict === "hold") return [];
    const released = this.held.splice(0);
    for (const each of released) this.append(each);
    return released;
  }

  /** Go on with the last picture, as far as is needed now. */
  fill(moment: Moment): void {
    const to = this.stillness.fillTo(moment);
    if (to !== null) this.fillTo(to);
    const again = this.stillness.again(moment);
    if (again !== null) this.fillTo(this.stillness.end ?? again, again);
  }

  /** What was played goes, but for what the decoder needs to go on. */
  evict(limit: number, stride: number): void {
    this.track.evict(Math.min(limit, this.stillness.key ?? limit), stride);
  }

  private append(media: Media): void {
    const piece = pieceOf(media);
    if (this.stillness.holeBefore(piece) !== null) this.fillTo(media.from);
    this.track.put(media);
    this.still.follow(media.init, media.bytes);
    this.last = media;
    this.stillness.appended(piece);
  }

  /** In the timescale and with the offset of the last real part: the filler belongs to it. */
  private fillTo(to: number, from = this.stillness.end): void {
    const { last } = this;
    if (!last || from === null) return;
    const { timescale } = last.rendition;
    const [begin, until] = [from, to].map((seconds) => Math.round((seconds - last.offsetS) * timescale)) as [number, number];
    const bytes = this.still.fill(begin, until, timescale);
    if (!bytes) return;
    this.track.append(bytes);
    this.stillness.filled(to, from);
  }
}
