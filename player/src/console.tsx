/** Entry of /console/{event}. */
import { effect } from "@preact/signals";
import { render } from "preact";

import { eventInPath } from "./core/event";
import { desk } from "./i18n/console";
import { refusalSentence } from "./i18n/questions";
import { toast } from "./ui/components";
import { ConsolePage } from "./ui/console/page";
import { ConsoleStore, fasterState } from "./ui/console/store";
import { Refusal } from "./core/refusal";
import { themeOf } from "./ui/theme";
import "./css/index.css";

/** What a moderator reads when a move did not happen. */
function tell(refusal: unknown): void {
  const now = fasterState(refusal);
  if (now && refusal instanceof Refusal) toast(desk().faster(refusal.by ?? "", desk().moved[now] ?? now), "bad");
  else if (refusal instanceof Refusal && refusal.code === "bad_move") toast(desk().notPossible, "bad");
  else toast(refusalSentence(refusal), "bad");
}

const store = new ConsoleStore(eventInPath(location.pathname) ?? "", tell);
effect(() => {
  const title = store.event.value?.title;
  document.title = title ? `${desk().title}: ${title} · Plenum` : `${desk().title} · Plenum`;
});

const root = document.getElementById("app");
if (root) render(<ConsolePage store={store} theme={themeOf("desk")} />, root);
void store.start();
