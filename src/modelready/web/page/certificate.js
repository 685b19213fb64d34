// The last certificate, in words that need no explanation.

import { make, withCode } from "./dom.js";
import { ago, counted, milliseconds, moment } from "./words.js";

const MANY = 5;

/** Fill *place* with what the last certificate says; what it names can be opened with *reveal*. */
export function certificate(place, told, reveal) {
  const key = JSON.stringify([told, Math.floor(Date.now() / 60000)]);
  if (place.dataset.shows === key) return;
  place.dataset.shows = key;
  place.replaceChildren(...(told.result ? lines(told, reveal) : none(told)));
}

function none(told) {
  return [make("p", {}, told.words), make("p", { class: "faint" }, ...withCode("`modelready certify` proves what is on disk, and writes one."))];
}

function lines(told, reveal) {
  const isPassed = told.result === "PASSED";
  const mark = make("span", { class: "seal-mark", "aria-hidden": "true" }, isPassed ? "✓" : "✗");
  const parts = [make("p", { class: "seal", "data-passed": isPassed }, mark, make("span", {}, told.words))];
  if (told.partial) parts.push(make("p", {}, "It speaks of a part of the models only."));
  parts.push(...unready(told, reveal));
  const warned = told.warnings.length;
  if (warned) parts.push(make("p", {}, `${counted(warned, "check")} passed with a warning.`));
  const when = milliseconds(told.when);
  if (when) parts.push(make("p", { class: "faint", title: moment(when) }, `Written ${ago(when)}.`));
  return parts;
}

/** Name the checks that refused *model*; where none did, give the first line of the reason. */
function why(model, told) {
  const failed = told.failures.filter((check) => check.id.endsWith(`[${model.name}]`));
  return failed.map((check) => check.id.slice(0, -model.name.length - 2)).join(", ") || model.reason.split("\n")[0];
}

function unready(told, reveal) {
  const models = told.models.filter((model) => model.required && model.verdict !== "proved");
  if (!models.length) return [];
  const items = models.slice(0, MANY).map((model) => {
    const button = make("button", { type: "button", class: "plain" }, make("bdi", {}, model.name));
    button.addEventListener("click", () => reveal(model.name));
    return make("li", {}, button, `: ${[model.verdict, why(model, told)].filter(Boolean).join(", ")}`);
  });
  if (models.length > MANY) items.push(make("li", { class: "faint" }, `and ${models.length - MANY} more`));
  return [make("ul", { class: "unready" }, ...items)];
}
