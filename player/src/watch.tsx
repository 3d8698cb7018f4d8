/** Entry of /watch/{event}. */
// First: it declares the order of the cascade layers, before any component brings its own style sheet.
import "./css/index.css";

import { effect } from "@preact/signals";
import { render } from "preact";

import { eventInPath } from "./core/event";
import { themeOf } from "./ui/theme";
import { WatchPage } from "./ui/watch/page";
import { WatchStore } from "./ui/watch/store";
import "./css/watch.css";

declare global {
  interface Window {
    plenum?: { stats(): unknown };
  }
}

const store = new WatchStore(eventInPath(location.pathname) ?? "");
effect(() => {
  const title = store.event.value?.title;
  document.title = title ? `${title} · Plenum` : "Plenum";
});

/** What system tests and support read; the page itself does not. */
window.plenum = {
  stats: () => {
    const now = store.statsNow();
    const { stalls, rendition, path, msn, part, wallMs, behindS, source } = now;
    const playing = { latency_ms: now.latencyMs, stalls, buffered_s: now.bufferedS, rendition, path, msn, part, wallMs, behindS, source };
    const { choice, address, frozenMs, silentMs, switches } = now;
    return { ...playing, choice, address, frozenMs, silentMs, switches };
  },
};

const root = document.getElementById("app");
if (root) render(<WatchPage store={store} theme={themeOf("stage")} />, root);
