// What can be done with a model now: one button a deed, only those that make sense.

import { make, mark, show } from "./dom.js";

const DEEDS = {
  start: "Start",
  retry: "Retry",
  resume: "Resume",
  pause: "Pause",
  cancel: "Cancel",
};

export class Actions {
  /** *heir* gets the focus when the button that had it is gone, and no other is left. */
  constructor(name, doings, heir) {
    this.heir = heir;
    this.name = name;
    this.doings = doings;
    this.buttons = new Map();
    this.element = make("div", { class: "acts" });
  }

  render(model) {
    const allowed = deedsOf(model);
    for (const verb of allowed) {
      const button = this.buttons.get(verb) || this.#made(verb);
      mark(button, "aria-label", `${DEEDS[verb]} ${model.title}`);
      mark(button, "aria-disabled", model.isBusy || null);
      show(button, true);
    }
    const heir = this.buttons.get(allowed[0]) || this.heir;
    for (const [verb, button] of this.buttons) if (!allowed.includes(verb)) show(button, false, heir);
  }

  /** Make the button when it is first wanted: most models never want most of them. */
  #made(verb) {
    const button = make("button", { type: "button", class: `act act-${verb}` }, DEEDS[verb]);
    button.addEventListener("click", () => this.doings.act(this.name, verb));
    this.buttons.set(verb, button);
    const order = Object.keys(DEEDS);
    const later = order.slice(order.indexOf(verb) + 1).map((known) => this.buttons.get(known));
    // The others stay where they are: one that is moved loses the focus.
    this.element.insertBefore(button, later.find(Boolean) ?? null);
    return button;
  }
}

/** Give what may be asked for *model*. */
function deedsOf(model) {
  const state = model.job?.state;
  if (state === "queued" || state === "downloading") return ["pause", "cancel"];
  if (state === "verifying") return ["cancel"];
  if (state === "paused") return ["resume", "cancel"];
  if (model.look === "ready" || model.look === "ondisk") return [];
  return state === "failed" || state === "cancelled" ? ["retry"] : ["start"];
}
