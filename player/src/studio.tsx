/** Entry of /studio/{event}. */
// First: it declares the order of the cascade layers, before any component brings its own style sheet.
import "./css/index.css";

import { effect } from "@preact/signals";
import { render } from "preact";

import { eventInPath } from "./core/event";
import { StudioPage } from "./ui/studio/page";
import { StudioStore } from "./ui/studio/store";
import { themeOf } from "./ui/theme";
import "./css/studio.css";

const store = new StudioStore(eventInPath(location.pathname) ?? "");
effect(() => {
  const title = store.event.value?.title;
  document.title = title ? `${title} · Plenum` : "Plenum";
});

const root = document.getElementById("app");
if (root) render(<StudioPage store={store} theme={themeOf("stage")} />, root);
