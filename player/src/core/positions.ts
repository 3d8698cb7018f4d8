/** What has been received of each rendition: where a resume goes on, and which parts came a second time. */
import type { Header, Position } from "./wire";

function isAfter(one: Position, other: Position): boolean {
  return one.msn > other.msn || (one.msn === other.msn && one.part > other.part);
}

export class Positions {
  private readonly newestOf = new Map<number, Position>();

  /** True for a part that is new; false for one already received in the same epoch, which a resume may send again. */
  take(header: Header): boolean {
    const known = this.newestOf.get(header.rendition);
    if (known && known.epoch === header.epoch && !isAfter(header, known)) return false;
    this.newestOf.set(header.rendition, { epoch: header.epoch, msn: header.msn, part: header.part });
    return true;
  }

  /** The newest part of all; what has come over this line. */
  newest(): Position | null {
    let newest: Position | null = null;
    for (const position of this.newestOf.values()) {
      const isNewer = !newest || position.epoch > newest.epoch || (position.epoch === newest.epoch && isAfter(position, newest));
      if (isNewer) newest = position;
    }
    return newest;
  }

  /** The position after which nothing is missing in any of these renditions; null when one of them has nothing yet. */
  resumeFrom(renditions: readonly number[]): Position | null {
    const held = renditions.map((id) => this.newestOf.get(id));
    if (held.length === 0) return null;
    let earliest: Position | null = null;
    for (const position of held) {
      if (!position) return null;
      if (earliest && position.epoch !== earliest.epoch) return null;
      if (!earliest || isAfter(earliest, position)) earliest = position;
    }
    return earliest;
  }

  forget(): void {
    this.newestOf.clear();
  }
}
