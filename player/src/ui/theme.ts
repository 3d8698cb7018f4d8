/**
 * Dark or light: what a page starts with, what the person chose, what the root element says.
 *
 * A stage (watch, studio) is dark whatever the system prefers; a desk (index, console) is light unless the system asks
 * for dark. A choice is remembered per kind: whoever darkens the console does not mean the stage.
 */
import { effect, signal, type Signal } from "@preact/signals";

import { recall, remember } from "../net/remembered";

export type Theme = "dark" | "light";
export type PageKind = "stage" | "desk";

function key(kind: PageKind): string {
  return `plenum.theme.${kind}`;
}

export function firstTheme(kind: PageKind): Theme {
  const kept = recall(key(kind));
  if (kept === "dark" || kept === "light") return kept;
  if (kind === "stage") return "dark";
  return matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
}

export interface ThemeChoice {
  readonly theme: Signal<Theme>;
  toggle(): void;
}

/** Call once in a page's entry file, before the first render. */
export function themeOf(kind: PageKind): ThemeChoice {
  const theme = signal(firstTheme(kind));
  effect(() => {
    document.documentElement.dataset["theme"] = theme.value;
  });
  return {
    theme,
    toggle: () => {
      theme.value = theme.value === "dark" ? "light" : "dark";
      remember(key(kind), theme.value);
    },
  };
}
