// What of the models is shown, and in which order: kept in the address, so that it can be sent to somebody.

import { byId, make, mark, say } from "./dom.js";
import { TROUBLE } from "./words.js";

const SHOWS = {
  "": ["All", () => true],
  required: ["Required", (model) => model.required],
  trouble: ["Trouble", (model) => TROUBLE.has(model.look)],
  moving: ["Downloading", (model) => model.isMoving],
  lacking: ["Incomplete", (model) => model.look === "missing" || model.look === "partial"],
  ready: ["Ready", (model) => model.look === "ready"],
};
const RANKS = ["broken", "failed", "damaged", "unproved", "downloading", "verifying", "paused", "queued", "partial", "missing", "unknown", "ondisk", "ready"];
const ORDERS = {
  name: (one, other) => one.title.localeCompare(other.title),
  size: (one, other) => weight(other) - weight(one),
  trouble: (one, other) => other.required - one.required || RANKS.indexOf(one.look) - RANKS.indexOf(other.look),
};
const KEYS = ["q", "show", "kind", "sort", "open"];

const weight = (model) => Math.max(model.bytesWanted ?? 0, model.bytesOnDisk);

export class Filters {
  constructor(changed) {
    this.changed = changed;
    this.state = read();
    this.chips = Object.entries(SHOWS).map(([show, [word]]) => chip(show, word));
    byId("shows").append(...this.chips.map((one) => one.label));
    byId("q").addEventListener("input", (event) => this.set({ q: event.target.value }));
    byId("kind").addEventListener("change", (event) => this.set({ kind: event.target.value }));
    byId("sort").addEventListener("change", (event) => this.set({ sort: event.target.value }));
    byId("shows").addEventListener("change", (event) => this.set({ show: event.target.value }));
    addEventListener("hashchange", () => this.#came());
    this.#fill();
  }

  set(change) {
    this.state = { ...this.state, ...change };
    const hash = KEYS.filter((key) => this.state[key]).map((key) => `${key}=${encodeURIComponent(this.state[key])}`);
    history.replaceState(null, "", hash.length ? `#${hash.join("&")}` : location.pathname);
    this.#fill();
    this.changed();
  }

  /** Give those of *models* that pass, in order. */
  chosen(models) {
    const words = this.state.q.toLowerCase().split(/\s+/).filter(Boolean);
    const passes = SHOWS[this.state.show][1];
    const found = models.filter(
      (model) => passes(model) && (!this.state.kind || model.kind === this.state.kind) && words.every((word) => model.haystack.includes(word)),
    );
    const order = ORDERS[this.state.sort];
    return order ? found.sort(order) : found;
  }

  /** Offer the kinds that there are, and say how many models each choice would show. */
  offer(models) {
    for (const one of this.chips) {
      const count = models.filter(SHOWS[one.show][1]).length;
      say(one.count, String(count));
      mark(one.label, "data-none", count === 0 || null);
    }
    const kinds = [...new Set(models.map((model) => model.kind).filter(Boolean))].sort();
    const select = byId("kind");
    if (kinds.join("\n") === this.kinds) return;
    this.kinds = kinds.join("\n");
    select.replaceChildren(make("option", { value: "" }, "Every kind"), ...kinds.map((kind) => make("option", { value: kind }, kind)));
    select.value = this.state.kind;
  }

  #came() {
    this.state = read();
    this.#fill();
    this.changed();
  }

  #fill() {
    const { q, kind, sort, show } = this.state;
    if (byId("q").value !== q) byId("q").value = q;
    byId("kind").value = kind;
    byId("sort").value = sort;
    for (const one of this.chips) one.input.checked = one.show === show;
  }
}

function chip(show, word) {
  const input = make("input", { type: "radio", name: "show", value: show, class: "for-ears" });
  const count = make("span", { class: "count" });
  return { show, input, count, label: make("label", { class: "chip" }, input, make("span", {}, word), count) };
}

function read() {
  const told = new URLSearchParams(location.hash.slice(1));
  const state = Object.fromEntries(KEYS.map((key) => [key, told.get(key) || ""]));
  if (!Object.hasOwn(SHOWS, state.show)) state.show = "";
  if (!Object.hasOwn(ORDERS, state.sort)) state.sort = "";
  return state;
}
