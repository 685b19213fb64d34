// A bar that moves, with its figures: how much, how fast, how long still.

import { make, mark, say, show } from "./dom.js";
import { bytes, duration } from "./words.js";

export class Bar {
  constructor() {
    this.fill = make("span", { class: "bar-fill" });
    this.track = make("div", { class: "bar", role: "progressbar", "aria-valuemin": "0", "aria-valuemax": "100" }, this.fill);
    this.amount = make("span");
    this.pace = make("span");
    this.file = make("span", { class: "bar-file" });
    this.figures = make("p", { class: "bar-figures" }, this.amount, this.pace, this.file);
    this.element = make("div", { class: "progress", hidden: true }, this.track, this.figures);
  }

  render(model) {
    show(this.element, model.isMoving);
    if (!model.isMoving) return;
    const job = model.job;
    const isKnown = job.bytesTotal > 0;
    const percent = percentOf(job);
    mark(this.track, "aria-label", `Download of ${model.title}`);
    mark(this.track, "aria-valuenow", isKnown ? Math.floor(percent) : null);
    mark(this.track, "aria-valuetext", isKnown ? `${Math.floor(percent)} percent, ${job.state}` : job.state);
    mark(this.track, "data-state", job.state);
    this.fill.style.setProperty("--done", (percent / 100).toFixed(4));
    say(this.amount, isKnown ? `${bytes(job.bytesDone)} of ${bytes(job.bytesTotal)}` : "");
    say(this.pace, paceOf(job));
    say(this.file, job.state === "downloading" ? job.note || job.file : job.note);
  }
}

/** Give how much of the job's bytes are there, from 0 to 100. */
export function percentOf(job) {
  return job.bytesTotal > 0 ? Math.min((100 * job.bytesDone) / job.bytesTotal, 100) : 0;
}

function paceOf(job) {
  if (job.state === "verifying") return percentOf(job) < 100 ? "looks at what is there" : "reads what came";
  if (job.state === "queued") return "waits for its turn";
  if (job.state === "paused") return "paused: what arrived is kept";
  if (job.speed < 1) return "";
  return [`${bytes(job.speed)}/s`, job.left === null ? "" : `${duration(job.left)} left`].filter(Boolean).join(", ");
}
