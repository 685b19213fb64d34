// One model's row: what it is, how it stands, what can be done; opened, everything that is known of it.

import { Actions } from "./actions.js";
import { Bar, percentOf } from "./bar.js";
import { detail } from "./detail.js";
import { make, mark, say, show } from "./dom.js";
import { LOOKS, bytes } from "./words.js";

let numbers = 0;

export class Row {
  constructor(name, doings) {
    this.name = name;
    this.doings = doings;
    this.isOpen = false;
    this.#build(`model-${(numbers += 1)}`);
  }

  #build(id) {
    this.title = make("bdi", { class: "model-title" });
    this.head = make("button", { class: "model-open", type: "button", "aria-expanded": "false", "aria-controls": id });
    this.head.append(make("span", { class: "chevron", "aria-hidden": "true" }), this.title);
    this.head.addEventListener("click", () => this.doings.open(this.isOpen ? "" : this.name));
    this.sub = make("p", { class: "model-sub" });
    this.look = make("span", { class: "look" });
    this.amount = make("span", { class: "model-amount" });
    this.bar = null;
    this.actions = new Actions(this.name, this.doings, this.head);
    this.trouble = make("p", { class: "model-trouble", hidden: true });
    this.body = make("div", { class: "model-body", id, hidden: true });
    this.element = make(
      "li",
      { class: "model" },
      make("div", { class: "model-line" },
        make("div", { class: "model-what" }, make("h3", {}, this.head), this.sub),
        make("div", { class: "model-how" }, this.look, this.amount),
        this.actions.element),
      this.trouble,
      this.body,
    );
  }

  render(model) {
    this.model = model;
    say(this.title, model.title);
    say(this.sub, [model.name !== model.title ? model.name : "", model.kind, model.required ? "" : "not required"].filter(Boolean).join(" · "));
    say(this.look, LOOKS[model.look]);
    mark(this.element, "data-look", model.look);
    mark(this.element, "data-required", model.required);
    say(this.amount, amount(model));
    this.#move(model);
    this.actions.render(model);
    const trouble = troubleOf(model);
    say(this.trouble, trouble);
    show(this.trouble, Boolean(trouble) && !this.isOpen);
    if (this.isOpen) detail(this.body, model, this.doings);
  }

  #move(model) {
    if (model.isMoving && !this.bar) {
      this.bar = new Bar();
      this.trouble.before(this.bar.element);
    }
    this.bar?.render(model);
  }

  open(isOpen) {
    if (this.isOpen === isOpen) return;
    this.isOpen = isOpen;
    mark(this.head, "aria-expanded", isOpen);
    if (isOpen) detail(this.body, this.model, this.doings);
    this.body.hidden = !isOpen;
    show(this.trouble, !isOpen && Boolean(this.trouble.textContent));
    if (!isOpen) this.body.replaceChildren();
    mark(this.element, "data-open", isOpen || null);
  }

  focus() {
    this.head.focus();
  }
}

function amount(model) {
  if (model.isMoving) return model.job.bytesTotal ? `${Math.floor(percentOf(model.job))} %` : "";
  if (model.bytesWanted === null) return model.bytesOnDisk ? bytes(model.bytesOnDisk) : "size not known";
  if (model.bytesOnDisk >= model.bytesWanted) return bytes(model.bytesOnDisk);
  return `${bytes(model.bytesOnDisk)} of ${bytes(model.bytesWanted)}`;
}

function troubleOf(model) {
  if (model.look === "broken") return model.job.error ? model.job.error.message : "";
  if (model.look !== "failed" && model.look !== "unproved") return "";
  const failed = model.checks.filter((check) => check.outcome === "failed");
  if (!failed.length) return model.verdict.reason || "";
  return failed.map((check) => check.id).join(", ");
}
