/**
 * The console's state and what a producer may ask for: joins as staff, follows board, programme and event, moves questions.
 * A move waits for the server's answer; where another moderator was faster the answer says what is true instead.
 */
import { computed, effect, signal } from "@preact/signals";

import { waitMs } from "../../core/backoff";
import { mayActAs, type EventStatus, type EventView, type Join } from "../../core/event";
import { keep, lanesOf, NOTHING, select, target, verbsFor, type Lane, type Lanes, type Selection, type Verb } from "../../core/lanes";
import { moderationOf } from "../../core/outbox";
import type { Box, Question, QuestionState } from "../../core/protocol";
import { Refusal } from "../../core/refusal";
import type { Turned } from "../../core/scene";
import { endEvent } from "../../net/api";
import { openQuestions } from "../questions/entrance";
import type { QuestionStore } from "../questions/store";
import { Door } from "../watch/door";
import { Monitor } from "./monitor";

const POLL_MS = 5000;
const JOIN_BACKOFF = { firstMs: 500, mostMs: 8000 };
const NO_LANES: Lanes = { review: [], queue: [], stage: [], answered: [], aside: [] };

/** What a moderator is told about a move that did not happen. */
export type Told = (refusal: unknown) => void;

export class ConsoleStore {
  readonly event = signal<EventView | null>(null);
  readonly status = signal<EventStatus | null>(null);
  readonly turned = signal<Turned | null>(null);
  readonly questions = signal<QuestionStore | null>(null);
  readonly monitor = signal<Monitor | null>(null);
  readonly search = signal("");
  readonly selection = signal<Selection>(NOTHING);
  /** The question whose dismissal waits for a reason. */
  readonly dismissing = signal<Question | null>(null);

  readonly lanes = computed<Lanes>(() => {
    const board = this.questions.value?.board.value;
    return board ? lanesOf(board, this.search.value) : NO_LANES;
  });
  readonly state = computed(() => this.questions.value?.event.value?.state ?? this.event.value?.state ?? "scheduled");
  readonly viewers = computed(() => this.questions.value?.audience.value ?? 0);
  readonly selected = computed(() => {
    const { lane, id } = this.selection.value;
    return this.lanes.value[lane].find((one) => one.id === id) ?? null;
  });

  private readonly door: Door;

  constructor(
    readonly id: string,
    private readonly told: Told,
  ) {
    this.door = new Door(id, {
      joined: (answer) => this.took(answer),
      turned: (why) => {
        this.turned.value = why;
      },
    });
    effect(() => {
      this.selection.value = keep(this.lanes.value, this.selection.peek());
    });
  }

  async start(): Promise<void> {
    for (let attempt = 1; !this.turned.peek() && !this.event.peek(); attempt += 1) {
      try {
        await this.door.enter();
      } catch {
        await new Promise((resolve) => setTimeout(resolve, waitMs(JOIN_BACKOFF, attempt, Math.random())));
      }
    }
    if (this.turned.peek()) return;
    void this.ask();
    setInterval(() => void this.ask(), POLL_MS);
  }

  /** The first card of a lane that has just come on screen: keys act on what is seen. */
  enterLane(lane: Lane): void {
    this.selection.value = select(this.lanes.peek(), lane, 0);
  }

  move(question: Question, verb: Verb, reason?: string): void {
    const to = target(question.state, verb);
    const isAllowed = verbsFor(question.state, this.state.peek() === "ended").includes(verb);
    if (!to || !isAllowed || this.isMoving(question.id)) return;
    if (verb === "dismiss" && reason === undefined) {
      this.dismissing.value = question;
      return;
    }
    this.questions.peek()?.moderate(question, to, reason).catch(this.told);
    this.leave(question.id);
  }

  /** The selection goes on at once, the card follows when the server has moved it: keys may come faster than answers. */
  private leave(question: string): void {
    const { lane, id, index } = this.selection.peek();
    if (id !== question) return;
    const rest = this.lanes.peek()[lane];
    const next = index + 1 < rest.length ? index + 1 : index - 1;
    if (rest.length > 1) this.selection.value = select(this.lanes.peek(), lane, next);
  }

  /** With a reason, for the question that waits for one. */
  dismiss(reason: string): void {
    const question = this.dismissing.peek();
    this.dismissing.value = null;
    // It may have moved while the moderator thought: then the server says so.
    if (question) this.move(question, "dismiss", reason);
  }

  isMoving(question: string): boolean {
    const outbox = this.questions.value?.outbox.value;
    return outbox ? moderationOf(outbox, question) !== null : false;
  }

  setBox(change: Partial<Box>): void {
    this.questions.peek()?.setBox(change).catch(this.told);
  }

  async end(): Promise<void> {
    this.event.value = await endEvent(this.id);
    this.monitor.peek()?.close();
  }

  private took(answer: Join): void {
    if (!mayActAs(answer.role, "producer")) {
      this.turned.value = "forbidden";
      return;
    }
    this.event.value = answer.event;
    this.questions.value ??= openQuestions(answer, "role");
    this.monitor.value ??= new Monitor(this.door);
  }

  private async ask(): Promise<void> {
    const status = await this.door.status().catch(() => null);
    if (!status) return;
    this.status.value = status;
    this.event.value = status;
  }
}

/** The state a question has now, where that is why a move was refused. */
export function fasterState(refusal: unknown): QuestionState | null {
  return refusal instanceof Refusal && refusal.code === "stale_state" ? (refusal.current ?? null) : null;
}
