/**
 * The question store of a page: what is known (signals) and what may be asked for (methods).
 *
 * A method only *requests*: it puts a command into the outbox. State moves when the server confirms, so all screens agree;
 * a request under way shows as pending. Promises settle with the server's answer, however many reconnects lie between.
 */
import { batch, computed, signal } from "@preact/signals";

import { byVotes, follow, fromSnapshot, inState, withMine, withTally, withVote, type Board } from "../../core/board";
import type { LinkState } from "../../core/link";
import * as outbox from "../../core/outbox";
import {
  TEXT_MAX,
  TEXT_MIN,
  type Accepted,
  type Box,
  type Command,
  type LogEvent,
  type Question,
  type QuestionState,
  type Refused,
  type ServerMessage,
  type StoreState,
  type View,
  type Vote,
  type Welcome,
} from "../../core/protocol";
import { Refusal } from "../../core/refusal";
import { Line, type Entrance } from "../../net/socket";
import { newKey } from "../new-key";

interface Waiter {
  resolve(answer: Accepted): void;
  reject(refusal: Refusal): void;
}

/** Not the asker's fault and over by itself: the command stays and goes again. */
const PASSING: ReadonlySet<string> = new Set(["store_unavailable", "busy"]);
const DEFAULT_RETRY_MS = 1000;
const ASKED: LimitsOfAsk = { ask_min: TEXT_MIN, ask_max: TEXT_MAX };

type LimitsOfAsk = Welcome["limits"];

export class QuestionStore {
  /** Null until the first snapshot. */
  readonly board = signal<Board | null>(null);
  readonly link = signal<LinkState>({ is: "connecting" });
  readonly storeState = signal<StoreState>("up");
  readonly limits = signal<LimitsOfAsk>(ASKED);
  /** Why the server will not have us at all; null while it does. */
  readonly refused = signal<string | null>(null);
  readonly outbox = signal<outbox.Outbox>(outbox.EMPTY);
  /** Add to Date.now() to have the server's clock. */
  readonly clockOffsetMs = signal(0);

  readonly onAir = computed<Question | null>(() => this.board.value && inState(this.board.value, "now"));
  readonly next = computed<Question | null>(() => this.board.value && inState(this.board.value, "next"));
  readonly audience = computed(() => this.board.value?.audience ?? 0);
  readonly event = computed(() => this.board.value?.event ?? null);
  /** The published questions by votes: what the presenter may expect. */
  readonly queue = computed<readonly Question[]>(() => {
    const board = this.board.value;
    if (!board) return [];
    return [...board.questions.values()].filter((one) => one.state === "published").sort(byVotes(board));
  });
  /** Writing is not possible now; what was said waits. */
  readonly isPaused = computed(() => this.storeState.value === "down");

  private readonly line: Line;
  private readonly waiters = new Map<outbox.Key, Waiter>();
  private lastVote = 0;
  private isWelcome = false;
  /** Gaps in a row: where a resume did not close the first one, a whole snapshot will. */
  private gaps = 0;
  /** The board we have may lack what no resume brings. Kept here: the line may break before the whole one has come. */
  private wantsAll = false;
  private retryTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    enter: () => Promise<Entrance>,
    private readonly view: View,
  ) {
    this.line = new Line({
      enter,
      view,
      last: () => (this.wantsAll ? null : (this.board.peek()?.at ?? null)),
      onMessage: (message) => batch(() => this.hear(message)),
      onLink: (link) => {
        if (link.is !== "open") this.isWelcome = false;
        this.link.value = link;
      },
      onRefused: (code) => batch(() => this.refuse(code)),
    });
  }

  close(): void {
    clearTimeout(this.retryTimer);
    this.line.close();
  }

  /** Shows as pending at once; settled by the server's answer. */
  vote(question: string, on: boolean): void {
    const message: Vote = { t: "vote", n: ++this.lastVote, q: question, on };
    const next = outbox.put(this.outbox.peek(), message, Date.now());
    if (!next || this.refused.peek()) return;
    this.outbox.value = next;
    this.flush();
  }

  /** Resolves to the question's id once the server has it for good. Rejects with a Refusal. */
  async ask(text: string, conf: boolean, lang: string): Promise<string> {
    const answer = await this.request({ t: "ask", cid: newKey(), text: text.trim(), conf, lang });
    return answer.r.q ?? "";
  }

  /** Rejects with a Refusal, code `stale_state` and `current` when somebody else was faster. */
  async moderate(question: Question, to: QuestionState, reason?: string): Promise<void> {
    const what = { t: "mod", cid: newKey(), q: question.id, from: question.state, to } as const;
    await this.request(reason ? { ...what, reason } : what);
  }

  async setBox(change: Partial<Box>): Promise<void> {
    await this.request({ t: "box", cid: newKey(), ...change });
  }

  /** The person's name changed: it travels in the ticket, so get a new one and come back with it. */
  renew(): void {
    this.line.renew();
  }

  private request(command: Command): Promise<Accepted> {
    return new Promise((resolve, reject) => {
      const refused = this.refused.peek();
      if (refused) return reject(new Refusal(refused, refused));
      const next = outbox.put(this.outbox.peek(), command, Date.now());
      if (!next) return reject(new Refusal("outbox_full", "Too much is waiting for the server already."));
      this.outbox.value = next;
      this.waiters.set(outbox.keyOf(command), { resolve, reject });
      this.flush();
    });
  }

  private flush(): void {
    if (!this.isWelcome) return;
    this.giveUpOld();
    const [due, next] = outbox.take(this.outbox.peek(), Date.now());
    this.outbox.value = next;
    for (const message of due) this.line.send(message);
    clearTimeout(this.retryTimer);
    const dueMs = outbox.nextDueMs(next);
    if (dueMs !== null) this.retryTimer = setTimeout(() => this.flush(), Math.max(0, dueMs - Date.now()));
  }

  private giveUpOld(): void {
    const [old, rest] = outbox.giveUp(this.outbox.peek(), Date.now());
    this.outbox.value = rest;
    for (const message of old) this.waiterFor(message)?.reject(new Refusal("too_old", "It waited for the server for too long."));
  }

  /** There is no server for us any more: what was said to it ends here, and whoever waits for an answer gets this one. */
  private refuse(code: string): void {
    clearTimeout(this.retryTimer);
    this.refused.value = code;
    this.outbox.value = outbox.EMPTY;
    for (const waiter of this.waiters.values()) waiter.reject(new Refusal(code, code));
    this.waiters.clear();
  }

  private flushAll(): void {
    this.outbox.value = outbox.rewind(this.outbox.peek());
    this.flush();
  }

  private hear(message: ServerMessage): void {
    switch (message.t) {
      case "welcome":
        return this.greeted(message);
      case "snap":
        this.gaps = 0;
        // What a server knew last, with the store away, lacks our votes.
        this.wantsAll = this.storeState.peek() === "stale";
        this.board.value = fromSnapshot(message);
        return;
      case "ev":
        return this.happened(message);
      case "tally":
        if (this.board.value) this.board.value = withTally(this.board.value, message);
        return;
      case "ok":
        return this.accepted(message);
      case "err":
        return this.turnedDown(message);
      case "state": {
        const isBack = this.storeState.peek() === "down" && message.store !== "down";
        this.storeState.value = message.store;
        if (isBack) this.flushAll();
        return;
      }
      case "resync":
        this.again(true);
        return;
    }
  }

  private greeted(welcome: Welcome): void {
    this.isWelcome = true;
    // A server without its store says so right behind its welcome; one that has it says nothing.
    this.storeState.value = "up";
    this.limits.value = welcome.limits;
    this.clockOffsetMs.value = welcome.server_time_ms - Date.now();
    this.flushAll();
  }

  private happened(event: LogEvent): void {
    const board = this.board.peek();
    if (!board) return;
    const next = follow(board, event, this.view === "role");
    if (next === "gap") return this.again(++this.gaps > 1);
    this.gaps = 0;
    this.board.value = next;
  }

  /** One hello is enough for many signs of a gap: until it is answered the board stands still. */
  private again(fresh: boolean): void {
    if (!this.isWelcome) return;
    this.isWelcome = false;
    this.wantsAll ||= fresh;
    void this.line.hello();
  }

  private accepted(answer: Accepted): void {
    const [message, rest] = outbox.settle(this.outbox.peek(), answer);
    this.outbox.value = rest;
    const board = this.board.peek();
    if (board && message?.t === "vote") this.board.value = withVote(board, message.q, message.on, answer.r.votes);
    if (board && message?.t === "ask" && answer.r.q) this.board.value = withMine(board, answer.r.q);
    this.waiterFor(answer)?.resolve(answer);
  }

  private turnedDown(refusal: Refused): void {
    const isPassing = PASSING.has(refusal.code) || (refusal.code === "rate_limited" && refusal.n !== undefined);
    if (isPassing) {
      const untilMs = Date.now() + (refusal.retry_ms ?? DEFAULT_RETRY_MS) * (1 + Math.random());
      this.outbox.value = outbox.postpone(this.outbox.peek(), refusal, untilMs);
      this.flush();
      return;
    }
    const [, rest] = outbox.settle(this.outbox.peek(), refusal);
    this.outbox.value = rest;
    this.waiterFor(refusal)?.reject(new Refusal(refusal.code, refusal.message, refusal.current, refusal.by));
  }

  private waiterFor(answer: { n?: number; cid?: string }): Waiter | undefined {
    const key = outbox.keyOf(answer);
    const waiter = this.waiters.get(key);
    this.waiters.delete(key);
    return waiter;
  }
}
