/**
 * Pictures that repeat the last one, as CMAF chunks to append behind it: a picture that stands still needs data too, or the
 * whole element would stop at its end and the sound with it.
 *
 * Made from the init segment in force and the last part appended; core/h264.ts and core/cmaf.ts know the bytes.
 */
import { avcConfiguration, chunk, lastSample } from "../core/cmaf";
import { nextPlace, parametersOf, placeOf, repeatedPicture, type Parameters, type Place } from "../core/h264";

/**
 * As few pictures as may be. Measured in Chromium: a key frame that lies before the start of a picture that was fetched already
 * is passed over until the next one; one that lies within the picture's duration ends it.
 */
const MOST_PICTURE_S = 4;
const MOST_AT_ONCE = 100;

export class Still {
  private init: Uint8Array | null = null;
  private parameters: Parameters | null = null;
  private part: Uint8Array | null = null;
  private place: Place | null = null;
  private sequence = 0x4000_0000;

  /** What was appended last; `init` is what its decoder was set up with. Nothing is parsed until it is needed. */
  follow(init: Uint8Array, part: Uint8Array): void {
    if (init !== this.init) {
      this.init = init;
      this.parameters = null;
    }
    this.part = part;
    this.place = null;
  }

  forget(): void {
    this.init = this.part = this.parameters = this.place = null;
  }

  /** The last picture once more, from `from` to `to` in the track's timescale; null where the stream is not understood. */
  fill(from: number, to: number, timescale: number): Uint8Array<ArrayBuffer> | null {
    const { parameters, place } = this.standing();
    if (!parameters || !place || to <= from) return null;
    const longest = Math.round(MOST_PICTURE_S * timescale);
    const count = Math.ceil((to - from) / longest);
    if (count > MOST_AT_ONCE) return null;
    let here = place;
    const samples = Array.from({ length: count }, (_, n) => {
      here = nextPlace(here, parameters);
      const at = from + Math.round(((to - from) * n) / count);
      const until = from + Math.round(((to - from) * (n + 1)) / count);
      return { data: repeatedPicture(here, parameters), duration: until - at };
    });
    this.place = here;
    this.sequence += 1;
    return chunk(this.sequence, from, samples);
  }

  private standing(): { parameters: Parameters | null; place: Place | null } {
    if (!this.parameters && this.init) {
      const configuration = avcConfiguration(this.init);
      this.parameters = configuration && parametersOf(configuration);
    }
    if (!this.place && this.part && this.parameters) {
      const sample = lastSample(this.part);
      this.place = sample && placeOf(sample, this.parameters);
    }
    return { parameters: this.parameters, place: this.place };
  }
}
