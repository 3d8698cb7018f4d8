/**
 * Getting in and staying in: the join answer, the addresses in it, a fresh ticket before the last one is old, and what the API
 * says meanwhile.
 */
import { ServerClock } from "../../core/latency";
import type { EventStatus, Join } from "../../core/event";
import { Problem } from "../../core/problem";
import { Roster } from "../../core/roster";
import { turnedBy, type Turned } from "../../core/scene";
import { eventStatus, join } from "../../net/api";

/** A ticket is not used in its last moments: the clocks differ, and the way there takes time. */
const SPARE_MS = 30_000;
/** From this share of its life on it is renewed, by itself and beside its use. */
const OLD_AT = 0.5;
/** Pages that came together do not renew together. */
const SPREAD = 0.2;
/** After an attempt to renew that failed. The ticket in hand is good for as long as it was until then. */
const AGAIN_MS = 60_000;
/** Timers count no further. */
const MOST_WAIT_MS = 2 ** 31 - 1;
/** The addresses of an answer so young are not asked for again: what is away is away for all pages. */
const FRESH_MS = 15_000;

export interface DoorListener {
  joined(answer: Join): void;
  turned(why: Turned): void;
}

export class Door {
  readonly clock = new ServerClock();
  /** Where the feed is; the playlists lie beside it. */
  readonly roster = new Roster([]);
  private ticket = "";
  private oldFromMs = 0;
  private validUntilMs = 0;
  private askedAtMs = 0;
  private entering: Promise<Join> | null = null;
  private renewing: ReturnType<typeof setTimeout> | undefined;
  private looking: ReturnType<typeof setTimeout> | undefined;
  private isClosed = false;

  constructor(
    readonly event: string,
    private readonly listener: DoorListener,
  ) {}

  /** Rejects with the Problem; one that is final has been told to the listener before. */
  enter(): Promise<Join> {
    this.entering ??= this.ask().finally(() => {
      this.entering = null;
    });
    return this.entering;
  }

  /**
   * The ticket in hand while it is good: whoever is cut off from the API goes on watching. An old one is renewed beside its
   * use; one that was refused only if the API answers.
   */
  async ticketNow(refused: boolean): Promise<string> {
    const isValid = this.ticket !== "" && Date.now() < this.validUntilMs;
    if (!isValid) await this.enter();
    else if (refused) await this.enter().catch(() => null);
    else if (Date.now() > this.oldFromMs) void this.enter().catch(() => null);
    return this.ticket;
  }

  /** The addresses in hand are not what they were: ask for others some time within so many ms. */
  lookAround(withinMs: number): void {
    const isFresh = withinMs === 0 && Date.now() - this.askedAtMs < FRESH_MS;
    if (this.isClosed || isFresh || (this.looking !== undefined && withinMs > 0)) return;
    clearTimeout(this.looking);
    this.looking = setTimeout(() => void this.enter().catch(() => null), Math.random() * withinMs);
  }

  /** Nothing more is opened by itself. Whoever asks is still answered. */
  close(): void {
    this.isClosed = true;
    clearTimeout(this.renewing);
    clearTimeout(this.looking);
  }

  private renewIn(ms: number): void {
    clearTimeout(this.renewing);
    if (this.isClosed) return;
    const wait = Math.min(MOST_WAIT_MS, ms * (1 - SPREAD * Math.random()));
    this.renewing = setTimeout(() => void this.enter().catch(() => this.renewIn(AGAIN_MS)), wait);
  }

  private async ask(): Promise<Join> {
    const askedAt = (this.askedAtMs = Date.now());
    clearTimeout(this.looking);
    this.looking = undefined;
    const answer = await this.asking(join(this.event));
    const now = Date.now();
    this.clock.learn(answer.server_time_ms, askedAt, now);
    const lifetimeMs = answer.feed_ticket_lifetime_s * 1000;
    this.ticket = answer.feed_ticket;
    this.oldFromMs = now + lifetimeMs * OLD_AT;
    this.validUntilMs = now + lifetimeMs - SPARE_MS;
    this.roster.update(answer.feed);
    this.renewIn(lifetimeMs * OLD_AT);
    this.listener.joined(answer);
    return answer;
  }

  status(): Promise<EventStatus> {
    return this.asking(eventStatus(this.event));
  }

  private async asking<T>(answer: Promise<T>): Promise<T> {
    try {
      return await answer;
    } catch (error) {
      const why = error instanceof Problem ? turnedBy(error.status, error.code) : null;
      if (why) this.listener.turned(why);
      throw error;
    }
  }
}
