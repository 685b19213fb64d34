// All that is known of one model, as it is shown when its row is opened.

import { make, withCode } from "./dom.js";
import { ago, bytes, counted, moment } from "./words.js";

const MANY = 12;
const MARKS = { passed: "✓", warned: "!", failed: "✗", skipped: "–" };

/** Fill *place* with what is known of *model*; what has not changed since is left alone. */
export function detail(place, model, doings) {
  const key = JSON.stringify([model.told, model.job?.state, model.job?.error, model.job?.attempts]);
  if (place.dataset.shows === key && place.firstChild) return;
  const isFocused = place.contains(document.activeElement);
  place.dataset.shows = key;
  place.replaceChildren(failure(model), facts(model), lacking(model), verdict(model), ends(model, doings));
  if (isFocused) place.closest(".model").querySelector(".model-open").focus();
}

function failure(model) {
  const error = model.job?.error;
  if (!error || model.isMoving) return "";
  const parts = [make("p", { class: "strong" }, error.message)];
  if (error.remedy) parts.push(make("p", {}, make("span", { class: "faint" }, "What to do: "), ...withCode(error.remedy)));
  const again = error.retryable ? "May be retried as it is." : "Retrying alone will not help: mend the cause first.";
  parts.push(make("p", { class: "faint" }, `Kind: ${error.kind.replaceAll("_", " ")}. ${again}`));
  return make("div", { class: "failure" }, ...parts);
}

function facts(model) {
  const rows = [
    [model.required ? "Required" : "Not required", model.because],
    ["Needs", needs(model)],
    ["Has", has(model)],
    ["From", model.source],
    ["Kind", [...new Set([model.kind, ...model.tags])].filter(Boolean).join(", ")],
    ["Licence", [model.licence, model.gated ? "gated: its licence must be accepted, and a token given" : ""].filter(Boolean).join(", ")],
    ["Last download", lastDownload(model)],
  ];
  const shown = rows.filter(([, text]) => text);
  return make("dl", { class: "facts" }, ...shown.map(([word, text]) => make("div", {}, make("dt", {}, word), make("dd", {}, text))));
}

function needs(model) {
  const wanted = model.bytesWanted === null ? "an amount nobody has told yet" : bytes(model.bytesWanted);
  return [model.filesWanted ? counted(model.filesWanted, "file") : "", wanted, ...model.needs.map((name) => `the model ${name}`)].filter(Boolean).join(", ");
}

function has(model) {
  if (!model.bytesOnDisk) return "nothing yet";
  const files = model.filesPresent === null ? "" : counted(model.filesPresent, "file");
  return [files, bytes(model.bytesOnDisk)].filter(Boolean).join(", ");
}

function lastDownload(model) {
  const job = model.job;
  if (!job || model.isMoving) return "";
  const when = job.finished ? `${ago(job.finished)} (${moment(job.finished)})` : "";
  return [job.state, when, job.attempts > 1 ? counted(job.attempts, "attempt") : ""].filter(Boolean).join(", ");
}

function lacking(model) {
  const files = model.lacking;
  if (!files.length) return "";
  const list = make("ul", { class: "files" }, ...files.slice(0, MANY).map(lacked));
  const word = model.state === "damaged" ? "Missing or damaged:" : "Lacks";
  const parts = [make("h4", {}, `${word} ${counted(files.length, "file")}`), list];
  if (files.length > MANY) {
    const more = make("button", { type: "button", class: "quiet" }, `Show ${files.length - MANY} more`);
    more.addEventListener("click", () => {
      list.append(...files.slice(MANY).map(lacked));
      more.remove();
    });
    parts.push(more);
  }
  return make("div", {}, ...parts);
}

function lacked(file) {
  return make("li", {}, make("code", {}, file.path), file.bytes === null ? "" : make("span", { class: "faint" }, ` ${bytes(file.bytes)}`));
}

function verdict(model) {
  if (!model.verdict) {
    return make("div", {}, make("h4", {}, "Last verdict"), make("p", { class: "faint" }, ...withCode("No certificate speaks of this model yet: run `modelready certify`.")));
  }
  const when = model.verdict.when ? `, ${ago(model.verdict.when)}` : "";
  const head = make("h4", {}, `Last verdict: ${model.verdict.result}${when}`);
  const isToldByChecks = model.checks.some((check) => check.outcome === "failed");
  const reason = model.verdict.reason && !isToldByChecks ? [make("p", {}, ...withCode(model.verdict.reason))] : [];
  return make("div", {}, head, ...reason, make("ul", { class: "checks" }, ...model.checks.map(checked)));
}

function checked(check) {
  const line = [
    make("span", { class: "check-mark", "aria-hidden": "true" }, MARKS[check.outcome] || "?"),
    make("code", {}, check.id),
    make("span", { class: "check-outcome" }, check.outcome),
  ];
  const message = check.message ? [make("p", { class: "check-message" }, ...withCode(check.message))] : [];
  return make("li", { "data-outcome": check.outcome }, make("div", { class: "check-line" }, ...line), ...message);
}

function ends(model, doings) {
  if (!model.job || model.job.state === "completed") return "";
  const clear = make("button", { type: "button", class: "quiet" }, "Clear from the queue…");
  clear.addEventListener("click", () => doings.clear(model.name));
  return make("p", { class: "ends" }, clear);
}
