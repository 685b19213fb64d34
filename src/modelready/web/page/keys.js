// Keys that save a hand the way to the mouse; they can be turned off, for speech input types letters too.

import { byId } from "./dom.js";

const KEPT = "modelready: single keys";

export function keys(models, filters) {
  const help = byId("help");
  const isOn = byId("keys-on");
  isOn.checked = localStorage.getItem(KEPT) !== "off";
  isOn.addEventListener("change", () => localStorage.setItem(KEPT, isOn.checked ? "on" : "off"));
  byId("help-open").addEventListener("click", () => help.showModal());
  const deeds = {
    "/": () => byId("q").focus(),
    j: () => models.step(1),
    k: () => models.step(-1),
    "?": () => help.showModal(),
  };
  addEventListener("keydown", (event) => {
    const isOurs = !event.ctrlKey && !event.metaKey && !event.altKey && !document.querySelector("dialog[open]");
    if (!isOurs) return;
    const types = event.target.matches("input:not([type=radio]):not([type=checkbox]), select, textarea");
    if (event.key === "Escape" && event.target === byId("q")) filters.set({ q: "" });
    if (types || !isOn.checked || !Object.hasOwn(deeds, event.key)) return;
    event.preventDefault();
    deeds[event.key]();
  });
}
