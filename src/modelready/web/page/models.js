// The list of models: one row a model, made once, changed where something changed.

import { arrange, byId, make, say, show } from "./dom.js";
import { Row } from "./row.js";
import { counted } from "./words.js";

export class Models {
  constructor(doings) {
    this.doings = doings;
    this.rows = new Map();
    this.list = byId("models");
  }

  /** Show *models* (all that pass the filter, in order) of *total*. */
  render(models, total, filter) {
    const rows = models.map((model) => this.#row(model));
    arrange(this.list, rows.map((row) => row.element));
    say(byId("models-count"), rows.length === total ? String(total) : `${rows.length} of ${total}`);
    const empty = byId("empty");
    show(empty, rows.length === 0);
    if (rows.length === 0) say(empty, total ? `None of ${counted(total, "model")} fits.` : "The catalog names no model.");
    for (const row of rows) row.open(filter.open === row.name);
  }

  /** Change the row of *model*, if there is one. */
  refresh(model) {
    this.rows.get(model.name)?.render(model);
  }

  forget(names) {
    for (const name of this.rows.keys()) if (!names.has(name)) this.rows.delete(name);
  }

  reveal(name) {
    const row = this.rows.get(name);
    if (!row) return;
    row.element.scrollIntoView({ block: "nearest" });
    row.focus();
  }

  /** Move the focus by *step* models. */
  step(step) {
    const heads = [...this.list.querySelectorAll(".model-open")];
    const here = heads.findIndex((head) => head.closest(".model").contains(document.activeElement));
    const next = here < 0 ? (step > 0 ? 0 : heads.length - 1) : here + step;
    heads[Math.min(Math.max(next, 0), heads.length - 1)]?.focus();
  }

  #row(model) {
    const known = this.rows.get(model.name);
    if (known) return known;
    const row = new Row(model.name, this.doings);
    this.rows.set(model.name, row);
    row.render(model);
    return row;
  }
}
