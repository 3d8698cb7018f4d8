/** Getting in and staying in: the join answer, a fresh ticket when the last one is old, and what the API says meanwhile. */
import { ServerClock } from "../../core/latency";
import type { EventStatus, Join } from "../../core/event";
import { Problem } from "../../core/problem";
import { turnedBy, type Turned } from "../../core/scene";
import { eventStatus, join } from "../../net/api";

const SPARE_MS = 30_000;

export interface DoorListener {
  joined(answer: Join): void;
  turned(why: Turned): void;
}

export class Door {
  readonly clock = new ServerClock();
  private ticket = "";
  private validUntilMs = 0;

  constructor(
    readonly event: string,
    private readonly listener: DoorListener,
  ) {}

  /** Rejects with the Problem; one that is final has been told to the listener before. */
  async enter(): Promise<Join> {
    const askedAt = Date.now();
    const answer = await this.asking(join(this.event));
    const now = Date.now();
    this.clock.learn(answer.server_time_ms, askedAt, now);
    this.ticket = answer.ticket;
    this.validUntilMs = now + answer.ticket_lifetime_s * 1000 - SPARE_MS;
    this.listener.joined(answer);
    return answer;
  }

  /** A ticket that is still good; `renew` asks for a new one in any case. */
  async ticketNow(renew: boolean): Promise<string> {
    if (renew || !this.ticket || Date.now() > this.validUntilMs) await this.enter();
    return this.ticket;
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
