/** The studio's state: who presents what, whether the devices are fine, and the way on air. */
import { computed, effect, signal, untracked } from "@preact/signals";

import { mayActAs, type EventView, type Join, type WhipCard } from "../../core/event";
import { Problem } from "../../core/problem";
import { turnedBy, type Turned } from "../../core/scene";
import type { Uplink } from "../../core/uplink";
import { WakeLock } from "../../media/awake";
import { Publisher, type PublishState } from "../../media/publisher";
import { eventStatus, join, rename, whipCard } from "../../net/api";
import { openQuestions } from "../questions/entrance";
import type { QuestionStore } from "../questions/store";
import { StudioDevices } from "./devices";
import { Inspection } from "./inspection";

const LOOK_MS = 1000;
const POLL_MS = 5000;
const JOIN_AGAIN_MS = 3000;

/** `check`: off air. `air`: on air, on the way there, or on the way back. `over`: my part is ended. */
export type Phase = "loading" | "turned" | "check" | "air" | "over";

export class StudioStore {
  readonly event = signal<EventView | null>(null);
  readonly name = signal("");
  readonly turned = signal<Turned | "presenters" | null>(null);
  readonly isAway = signal(false);
  readonly questions = signal<QuestionStore | null>(null);
  readonly publishing = signal<PublishState>({ is: "idle" });
  readonly uplink = signal<Uplink | null>(null);
  /** Performance clock of the first picture on air. */
  readonly onAirSinceMs = signal<number | null>(null);
  /** How long this part was on air, known when it is over. */
  readonly lastedMs = signal(0);
  readonly card = signal<WhipCard | null>(null);
  readonly cardProblem = signal<Problem | null>(null);
  /** Who is on air when it is not us, as the server tells it. */
  readonly other = signal<string | null>(null);
  readonly watching = signal(0);
  readonly devices = new StudioDevices(() => ({ name: this.name.value, title: this.event.value?.title ?? "" }));
  readonly inspection = new Inspection(this.devices, () => this.ask());

  readonly phase = computed<Phase>(() => {
    if (this.turned.value) return "turned";
    if (!this.event.value) return "loading";
    const state = this.publishing.value.is;
    if (state === "ended" || this.event.value.state === "ended") return "over";
    return state === "idle" || state === "refused" ? "check" : "air";
  });
  readonly isOnAir = computed(() => this.publishing.value.is === "air");
  readonly viewers = computed(() => Math.max(this.watching.value, this.questions.value?.audience.value ?? 0));
  readonly mayModerate = computed(() => mayActAs(this.event.value?.role ?? "viewer", "producer"));

  private joined: Join | null = null;
  private publisher: Publisher | null = null;
  private readonly awake = new WakeLock();

  constructor(readonly id: string) {
    effect(() => {
      const track = this.devices.picture.value;
      void this.publisher?.send("video", track);
    });
    effect(() => {
      const track = this.devices.sound.value;
      void this.publisher?.send("audio", track);
    });
    // The page says that camera and microphone are released then, also when the event ends while somebody is in the check.
    effect(() => {
      if (this.phase.value === "over") untracked(() => this.devices.close());
    });
    addEventListener("beforeunload", (event) => {
      if (this.phase.value === "air") event.preventDefault();
    });
    // Beyond the question: the page really goes, and nobody may stay on air as a frozen picture.
    addEventListener("pagehide", () => void this.publisher?.end(true));
  }

  async start(): Promise<void> {
    setInterval(() => void this.look(), LOOK_MS);
    setInterval(() => void this.poll(), POLL_MS);
    await this.enter();
    if (this.turned.value || this.event.value?.state === "ended") return;
    await this.devices.open();
  }

  goLive(): void {
    if (!this.joined) return;
    this.devices.isSending = true;
    this.onAirSinceMs.value = null;
    // Also under a shared screen, for when that ends.
    if (!this.devices.camera.value) this.devices.showPlate();
    this.publisher = new Publisher(this.joined.whip, (state) => this.became(state));
    void this.publisher.send("video", this.devices.picture.value);
    void this.publisher.send("audio", this.devices.sound.value);
    this.publisher.start();
  }

  async endPart(): Promise<void> {
    // Taken out first: the server may take two seconds to let go, and who goes live again meanwhile has a new one here.
    const publisher = this.publisher;
    this.publisher = null;
    await publisher?.end();
  }

  /** From "my part is over" back to the check. */
  again(): void {
    this.publishing.value = { is: "idle" };
    this.onAirSinceMs.value = null;
    this.lastedMs.value = 0;
    if (!this.devices.microphone.value && !this.devices.camera.value) void this.devices.open();
  }

  async fetchCard(): Promise<void> {
    this.cardProblem.value = null;
    try {
      this.card.value = await whipCard(this.id);
    } catch (error) {
      this.cardProblem.value = error instanceof Problem ? error : new Problem(0, "internal", String(error));
    }
  }

  /** The next question takes the place of the one on air, which becomes answered in the same step. */
  async answeredNext(): Promise<void> {
    const board = this.questions.value;
    const onAir = board?.onAir.value;
    const next = board?.next.value;
    if (next) await board.moderate(next, "now");
    else if (onAir) await board?.moderate(onAir, "answered");
  }

  async rename(name: string): Promise<void> {
    this.name.value = (await rename(name.trim())).name;
  }

  private became(state: PublishState): void {
    this.publishing.value = state;
    if (state.is === "air") this.onAirSinceMs.value ??= performance.now();
    if (state.is === "air" || state.is === "lost") this.awake.hold();
    else this.awake.release();
    if (state.is !== "air") this.uplink.value = null;
    if (state.is === "ended") this.closed();
    if (state.is === "refused") {
      this.devices.isSending = false;
      const onAir = state.problem.extra["on_air"];
      this.other.value = typeof onAir === "string" ? onAir : null;
      if (state.problem.code === "event_ended") void this.poll();
    }
  }

  private closed(): void {
    const since = this.onAirSinceMs.value;
    this.lastedMs.value = since === null ? 0 : performance.now() - since;
    this.devices.isSending = false;
  }

  private async enter(): Promise<void> {
    while (!this.joined && !this.turned.value) {
      try {
        this.took(await join(this.id));
      } catch (error) {
        const why = error instanceof Problem ? turnedBy(error.status, error.code) : null;
        if (why) this.turned.value = why;
        else await this.waitForServer();
      }
    }
  }

  private async waitForServer(): Promise<void> {
    this.isAway.value = true;
    await new Promise((resolve) => setTimeout(resolve, JOIN_AGAIN_MS));
  }

  private took(answer: Join): void {
    this.isAway.value = false;
    if (!mayActAs(answer.role, "presenter")) {
      this.turned.value = "presenters";
      return;
    }
    this.joined = answer;
    this.event.value = answer.event;
    this.name.value = answer.name;
    this.questions.value = openQuestions(answer, mayActAs(answer.role, "producer") ? "role" : "viewer");
    this.inspection.start();
  }

  private async look(): Promise<void> {
    if (this.publisher && this.isOnAir.value) this.uplink.value = (await this.publisher.uplink()) ?? this.uplink.value;
  }

  private async ask(): Promise<void> {
    const status = await eventStatus(this.id);
    this.event.value = status;
    this.watching.value = status.viewers;
    if (status.state === "ended" && this.publisher) await this.endPart();
  }

  private async poll(): Promise<void> {
    if (this.joined && this.phase.value !== "over") await this.ask().catch(() => undefined);
  }
}
