// The downloads that move, wait or rest, each with its bar.

import { Actions } from "./actions.js";
import { Bar } from "./bar.js";
import { arrange, byId, make, mark, say, show } from "./dom.js";
import { LOOKS, bytes, duration } from "./words.js";

const SHOWN = 6;
const RANKS = ["downloading", "verifying", "paused", "queued"];

export class Queue {
  constructor(doings) {
    this.doings = doings;
    this.jobs = new Map();
    this.more = make("li", { class: "job-more faint" });
  }

  render(models) {
    const moving = models.filter((model) => model.isMoving).sort(byTurn);
    show(byId("queue"), moving.length > 0, byId("models"));
    say(byId("queue-count"), summary(moving));
    const elements = moving.slice(0, SHOWN).map((model) => this.#job(model));
    if (moving.length > SHOWN) {
      say(this.more, `and ${moving.length - SHOWN} more, waiting`);
      elements.push(this.more);
    }
    arrange(byId("jobs"), elements);
    const names = new Set(moving.map((model) => model.name));
    for (const name of this.jobs.keys()) if (!names.has(name)) this.jobs.delete(name);
  }

  #job(model) {
    const job = this.jobs.get(model.name) || this.#made(model.name);
    say(job.title, model.title);
    say(job.look, LOOKS[model.look]);
    mark(job.element, "data-look", model.look);
    job.bar.render(model);
    job.actions.render(model);
    return job.element;
  }

  #made(name) {
    const title = make("bdi");
    const link = make("a", { href: `#open=${encodeURIComponent(name)}`, class: "job-title" }, title);
    link.addEventListener("click", (event) => {
      event.preventDefault();
      this.doings.reveal(name);
    });
    const look = make("span", { class: "look" });
    const bar = new Bar();
    const actions = new Actions(name, this.doings, link);
    const element = make("li", { class: "job" }, make("div", { class: "job-line" }, link, look, actions.element), bar.element);
    const job = { title, look, bar, actions, element };
    this.jobs.set(name, job);
    return job;
  }
}

function byTurn(one, other) {
  return RANKS.indexOf(one.job.state) - RANKS.indexOf(other.job.state) || other.job.priority - one.job.priority || one.job.created - other.job.created;
}

function summary(moving) {
  const left = moving.reduce((sum, model) => sum + Math.max(model.job.bytesTotal - model.job.bytesDone, 0), 0);
  const speed = moving.reduce((sum, model) => sum + (model.job.state === "downloading" ? model.job.speed : 0), 0);
  const parts = [String(moving.length)];
  if (left > 0) parts.push(`${bytes(left)} to come`);
  if (left > 0 && speed > 1 && left / speed < 360000) parts.push(`about ${duration(left / speed)}`);
  return parts.join(" · ");
}
