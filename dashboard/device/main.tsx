/** The page `/device`: this browser measures for the edge that served it. */

import "./jitless.ts";
import { render } from "preact";
import { Session } from "./session.ts";
import { takeSettings } from "./settings.ts";
import { type Actions, Page } from "./view.tsx";

const place = document.querySelector("#page");
if (place === null) throw new Error("The page has no place for its content.");

let shown = "";
const session = new Session((state) => {
  render(<Page state={state} actions={actions} />, place);
  // The button that was pressed is gone: whoever works by keyboard or ear goes on at what is new.
  const isLost = document.activeElement === document.body && shown !== "" && shown !== state.phase.kind;
  if (isLost) place.querySelector<HTMLElement>("[tabindex='-1']")?.focus();
  shown = state.phase.kind;
});
const actions: Actions = {
  connect: (settings) => session.connect(settings),
  again: () => session.again(),
  stop: () => session.stop(),
  change: (options) => session.change(options),
};

session.start(takeSettings());
// A link that is opened in the same tab changes only the fragment.
window.addEventListener("hashchange", () => location.hash !== "" && session.start(takeSettings()));
