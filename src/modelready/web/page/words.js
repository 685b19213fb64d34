// Figures and states in words that people use.

const UNITS = ["B", "kB", "MB", "GB", "TB", "PB"];

/** Give an amount of bytes as people say it: 4.5 GB. */
export function bytes(count) {
  if (count === null || count === undefined) return "?";
  let amount = Math.max(count, 0);
  let unit = 0;
  while (amount >= 999.5 && unit < UNITS.length - 1) {
    amount /= 1000;
    unit += 1;
  }
  const digits = unit === 0 || amount >= 99.95 ? 0 : 1;
  return `${amount.toFixed(digits)} ${UNITS[unit]}`;
}

/** Give a number of things: 1 file, 3 files. */
export function counted(count, one, many = `${one}s`) {
  return `${count.toLocaleString("en")} ${count === 1 ? one : many}`;
}

/** Give seconds as people say them: 3 min 20 s. */
export function duration(seconds) {
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, "0")} s`;
  const hours = Math.floor(whole / 3600);
  return `${hours} h ${String(Math.floor((whole % 3600) / 60)).padStart(2, "0")} min`;
}

/** Give how long ago *when* (milliseconds) was. */
export function ago(when, now = Date.now()) {
  const seconds = Math.max((now - when) / 1000, 0);
  if (seconds < 45) return "just now";
  if (seconds < 3600) return `${counted(Math.max(Math.round(seconds / 60), 1), "minute")} ago`;
  if (seconds < 86400) return `${counted(Math.round(seconds / 3600), "hour")} ago`;
  return `${counted(Math.round(seconds / 86400), "day")} ago`;
}

/** Give a moment as a date and a time of here. */
export function moment(when) {
  return new Date(when).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
}

/** Give milliseconds from what an API may send: ISO 8601, or seconds since the epoch; null where there is nothing. */
export function milliseconds(when) {
  if (!when) return null;
  const found = typeof when === "number" ? when * 1000 : Date.parse(when);
  return Number.isNaN(found) ? null : found;
}

/** What a model is at, in one word: every look of the page goes by it. */
export const LOOKS = {
  ready: "Ready",
  failed: "Not ready",
  unproved: "Not proved",
  broken: "Download failed",
  damaged: "Damaged",
  downloading: "Downloading",
  verifying: "Verifying",
  queued: "Queued",
  paused: "Paused",
  ondisk: "On disk",
  partial: "Incomplete",
  missing: "Missing",
  unknown: "Not known",
};

/** The looks of what is not there whole. */
export const LACKING = new Set(["missing", "partial", "damaged", "unknown"]);

/** The looks that want a person. */
export const TROUBLE = new Set(["failed", "broken", "damaged", "unproved"]);

/** The states of a job that has not ended. */
export const MOVING = new Set(["queued", "downloading", "verifying", "paused"]);
