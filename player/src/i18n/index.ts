/**
 * The language of the page: which one it is, how it is switched live, and how a page gets at its words.
 *
 * A dictionary is a plain object per language and page (`en/home.ts`, `de/home.ts`); the German one has the English one's
 * type, so a missing word is a type error. `words({ en, de })` gives a function that a component calls while it renders:
 * it reads the language signal, so a switch redraws exactly what shows words.
 */
import { effect, signal } from "@preact/signals";

import { recall, remember } from "../net/remembered";

export type Language = "de" | "en";
export const LANGUAGES: readonly Language[] = ["de", "en"];

const REMEMBERED = "plenum.language";

function isLanguage(value: string | null | undefined): value is Language {
  return value === "de" || value === "en";
}

function firstLanguage(): Language {
  const kept = recall(REMEMBERED);
  if (isLanguage(kept)) return kept;
  const wanted = navigator.languages.map((tag) => tag.slice(0, 2).toLowerCase());
  return wanted.find(isLanguage) ?? "en";
}

export const language = signal<Language>(firstLanguage());

effect(() => {
  document.documentElement.lang = language.value;
});

export function chooseLanguage(next: Language): void {
  language.value = next;
  remember(REMEMBERED, next);
}

/** `const t = words({ en, de });` then `t().title` inside a component. */
export function words<T>(dictionaries: Record<Language, T>): () => T {
  return () => dictionaries[language.value];
}

/** The reader's own region where it goes with the page's language: "en" alone would mean 12-hour clocks for everybody. */
function locale(): string {
  return navigator.languages.find((tag) => tag.startsWith(`${language.value}-`)) ?? language.value;
}

export function formatNumber(value: number): string {
  return new Intl.NumberFormat(locale()).format(value);
}

/** "0.8" / "0,8" */
export function formatDecimal(value: number, digits = 1): string {
  return new Intl.NumberFormat(locale(), {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  }).format(value);
}

/** Day and time in the reader's zone, from Unix seconds. */
export function formatMoment(unixSeconds: number): string {
  const isThisYear = new Date(unixSeconds * 1000).getFullYear() === new Date().getFullYear();
  return new Intl.DateTimeFormat(locale(), {
    weekday: "short",
    day: "numeric",
    month: "short",
    ...(isThisYear ? {} : { year: "numeric" }),
    hour: "2-digit",
    minute: "2-digit",
  }).format(unixSeconds * 1000);
}

/** "14:03:27", the time of day in the reader's zone, from Unix seconds. */
export function formatTime(unixSeconds: number): string {
  return new Intl.DateTimeFormat(locale(), { hour: "2-digit", minute: "2-digit", second: "2-digit" }).format(unixSeconds * 1000);
}

/** "00:14:32" */
export function formatClock(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const parts = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  return parts.map((part) => String(part).padStart(2, "0")).join(":");
}
