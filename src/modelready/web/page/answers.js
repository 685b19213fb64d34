// What the server answers, as the page thinks of it: one look a model, times in milliseconds, nothing undefined.

import { MOVING, milliseconds } from "./words.js";

const SECOND = 1000;
const GRAVITY = ["failed", "warned", "skipped", "passed"];
const LOOKED = { proved: "ready", unproved: "unproved" };

/** Understand one model of /api/models. */
export function understood(told) {
  const verdict = told.verdict && { result: told.verdict.result, when: milliseconds(told.verdict.when), reason: told.verdict.reason || "" };
  const model = {
    told: JSON.stringify({ ...told, job: null }),
    name: told.name,
    title: told.title || told.name,
    kind: told.kind,
    tags: told.tags,
    source: told.source,
    licence: told.licence,
    gated: told.gated,
    required: told.required,
    because: told.because,
    needs: told.needs || [],
    state: told.state,
    bytesOnDisk: told.bytes_on_disk,
    bytesWanted: told.bytes_wanted,
    filesPresent: told.files_present ?? null,
    filesWanted: told.files_wanted ?? null,
    lacking: told.lacking,
    verdict,
    checks: (told.verdict?.checks || []).map(check).sort(byGravity),
    isBusy: false,
    isStale: false, // a download has ended since the model was looked at
  };
  model.haystack = [model.name, model.title, model.kind, model.source, model.licence, ...model.tags].join(" ").toLowerCase();
  return withJob(model, told.job ? job(told.job) : null);
}

/** Understand a check; in a row of its model its name needs no model. */
const check = (told) => ({ ...told, id: told.id.replace(/\[.*\]$/, "") });
const byGravity = (one, other) => GRAVITY.indexOf(one.outcome) - GRAVITY.indexOf(other.outcome);

/** Give *model* with another job. */
export function withJob(model, job) {
  const isMoving = Boolean(job) && MOVING.has(job.state);
  return { ...model, job, isMoving, look: lookOf(model, job, isMoving) };
}

/** Understand a job, as the list and the events tell it. */
export function job(told) {
  return {
    state: told.status,
    file: told.current_file,
    note: told.note,
    priority: told.priority,
    bytesDone: told.bytes_done,
    bytesTotal: told.bytes_total,
    speed: told.speed_bps,
    left: told.eta_s,
    attempts: told.attempts,
    created: milliseconds(told.created_at) ?? 0,
    finished: milliseconds(told.finished_at),
    error: told.error,
  };
}

function lookOf(model, job, isMoving) {
  if (isMoving) return job.state;
  if (job?.state === "completed" && model.isStale) return "ondisk";
  if (job?.state === "failed" && model.state !== "complete") return "broken";
  if (model.state === "complete" && isOutdated(model.verdict, job)) return "ondisk";
  if (model.verdict?.result === "failed") return "failed";
  return model.state === "complete" ? LOOKED[model.verdict?.result] || "ondisk" : model.state;
}

/** Tell whether the files came after the verdict, whose time is in whole seconds: it speaks of others. */
function isOutdated(verdict, job) {
  return !verdict || (job?.state === "completed" && job.finished >= verdict.when + SECOND);
}
