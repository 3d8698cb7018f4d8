/** Getting in and staying in: the join answer, a fresh ticket when the last one is old, and what the API says meanwhile. */
import { ServerClock } from "../../core/latency";
import type { EventStatus, Join } from "../../core/event";
import { Problem } from "../../core/problem";
import { turnedBy, type Turned } from "../../core/scene";
import { eventStatus, join } from "../../net/api";

/** A ticket is not used in its last moments: the clocks differ, and the way there takes time. */
const SPARE_MS = 30_000;
/** From this share of its life on it is renewed beside its use. */
const OLD_AT = 0.5;

export interface DoorListener {
  joined(answer: Join): void;
  turned(why: Turned): void;
}

export class Door {
  readonly clock = new ServerClock();
  private ticket = "";
  private oldFromMs = 0;
  private validUntilMs = 0;
  private entering: Promise<Join> | null = null;

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

  private async ask(): Promise<Join> {
    const askedAt = Date.now();
    const answer = await this.asking(join(this.event));
    const now = Date.now();
    this.clock.learn(answer.server_time_ms, askedAt, now);
    this.ticket = answer.ticket;
    this.oldFromMs = now + answer.ticket_lifetime_s * 1000 * OLD_AT;
    this.validUntilMs = now + answer.ticket_lifetime_s * 1000 - SPARE_MS;
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
