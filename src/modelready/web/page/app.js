// The page: what the server tells goes into one state, and the state is drawn at most once a frame.

import { job, understood, withJob } from "./answers.js";
import { percentOf } from "./bar.js";
import { certificate } from "./certificate.js";
import { disk } from "./disk.js";
import { byId, make, mark, say, show, withCode } from "./dom.js";
import { Filters } from "./filters.js";
import { keys } from "./keys.js";
import { Models } from "./models.js";
import { News } from "./news.js";
import { Queue } from "./queue.js";
import * as server from "./server.js";
import { Token } from "./token.js";
import { LACKING, counted, moment } from "./words.js";

const EVENTS = ["job", "queue", "models", "certificate"];
const AFTER_MS = 400;
const EVERY_MS = 30000;

const state = { models: new Map(), places: [], certificate: undefined, heardAt: null };
const changed = new Set();
let frame = 0;
let isAllDue = false;
let due = 0;
let reading = null;
let isReadAgain = false;

const doings = {
  open: (name) => filters.set({ open: name }),
  reveal,
  act,
  clear,
};
const news = new News();
const models = new Models(doings);
const queue = new Queue(doings);
const filters = new Filters(() => redraw());
const token = new Token();
let admin = "";

function redraw(name = "") {
  if (name) changed.add(name);
  else isAllDue = true;
  frame ||= requestAnimationFrame(draw);
}

function draw() {
  frame = 0;
  const all = [...state.models.values()];
  for (const name of changed) if (state.models.has(name)) models.refresh(state.models.get(name));
  changed.clear();
  queue.render(all);
  titled(all);
  if (!isAllDue) return;
  isAllDue = false;
  filters.offer(all);
  models.render(filters.chosen(all), all.length, filters.state);
  say(byId("sum"), summary(all));
  const lacking = all.filter(isToBeBrought).length;
  show(byId("all"), lacking > 1, byId("models"));
  say(byId("all"), `Start ${lacking} required models`);
  disk(byId("disk"), state.places, state.models, reveal);
  if (state.certificate !== undefined) certificate(byId("certificate"), state.certificate, reveal);
}

/** Let the tab tell how far the download is. */
function titled(all) {
  const job = all.find((model) => model.look === "downloading")?.job;
  document.title = job?.bytesTotal ? `${Math.floor(percentOf(job))} % · modelready` : "modelready";
}

function summary(all) {
  const required = all.filter((model) => model.required);
  if (!required.length) return `${counted(all.length, "model")}, none required here`;
  const ready = required.filter((model) => model.look === "ready").length;
  return `${ready} of ${counted(required.length, "required model")} ready`;
}

function put(model) {
  const before = state.models.get(model.name);
  if (before && isSame(before, model)) return;
  state.models.set(model.name, { ...model, isBusy: before?.isBusy ?? false });
  if (before && before.look !== model.look) news.changed(model);
  redraw(model.name);
  if (!before || before.look !== model.look || before.told !== model.told) redraw();
}

const isSame = (one, other) => one.told === other.told && one.look === other.look && JSON.stringify(one.job) === JSON.stringify(other.job);

/** Read everything; asked for while that goes on, it is read once more after. */
function readAll() {
  isReadAgain = Boolean(reading);
  reading ||= readOnce().finally(() => {
    reading = null;
    if (isReadAgain) readSoon();
  });
  return reading;
}

async function readOnce() {
  const [told, places, written] = await Promise.all([server.models(), server.disk(), server.certificate()]);
  const found = told.models.map(understood);
  const names = new Set(found.map((model) => model.name));
  for (const name of state.models.keys()) if (!names.has(name)) state.models.delete(name);
  models.forget(names);
  const kept = state.models;
  state.models = new Map(found.map((model) => [model.name, kept.get(model.name)]));
  for (const model of found) put(model);
  state.places = places.places;
  state.certificate = written;
  redraw();
}

function readSoon() {
  due ||= setTimeout(async () => {
    due = 0;
    await readAll().catch(missed);
  }, AFTER_MS);
}

/** Read anew what no event tells: files come and go without the queue, and a read may have failed. */
function readWhenSeen() {
  if (document.hidden) return;
  redraw();
  readSoon();
}

function heard(name, told) {
  state.heardAt = Date.now();
  if (name === "queue") return undefined;
  if (name !== "job") return readSoon();
  const model = state.models.get(told.model_id);
  if (!model) return readSoon();
  const came = job(told);
  put(withJob({ ...model, isStale: model.isStale || Boolean(came.finished) }, came));
  if (came.finished) readSoon();
  return undefined;
}

function linked(isThere) {
  const gone = byId("gone");
  mark(byId("link"), "data-link", isThere ? "live" : "gone");
  say(byId("link-word"), isThere ? "live" : "no server");
  mark(document.body, "data-gone", isThere ? null : "true");
  if (isThere && !gone.hidden) news.now("The server is back.");
  if (!isThere) {
    const since = state.heardAt ? ` What you see is from ${moment(state.heardAt)}.` : "";
    say(gone, `The server does not answer. Trying again by itself.${since}`);
  }
  show(gone, !isThere);
  if (isThere) readAll().then(() => (state.heardAt = Date.now())).catch(missed);
}

function missed(error) {
  if (!(error instanceof server.Gone)) tell(error);
}

function tell(error) {
  byId("told-words").replaceChildren(...withCode([error.message, error.remedy].filter(Boolean).join(": ")));
  show(byId("told"), true);
}

async function act(name, verb) {
  const model = state.models.get(name);
  if (!model || model.isBusy) return false;
  busy(name, true);
  show(byId("told"), false);
  try {
    await done(name, verb);
    return true;
  } catch (error) {
    if (error.kind === "unauthorised") askFor(name, verb);
    else tell(error);
    return false;
  } finally {
    busy(name, false);
    readSoon();
  }
}

const isToBeBrought = (model) => model.required && !model.isMoving && LACKING.has(model.look);

/** Do *verb* as the admin, if his token is known, and show the answer. */
async function done(name, verb) {
  const told = await server.act(name, verb, admin);
  if (state.models.has(name)) put(withJob(state.models.get(name), job(told)));
}

/** Do *verb* once the admin's token was given; it is remembered until the page is closed. */
function askFor(name, verb) {
  token.ask({
    title: "This server wants the admin token",
    about: ["Other machines can reach it, so it lets only its admin change something."],
    verb: "Go on",
    deed: (given) => asAdmin(given, name, verb),
  });
}

function clear(name) {
  const title = make("bdi", { class: "strong" }, state.models.get(name)?.title || name);
  token.ask({
    title: "Clear what is stuck",
    about: ["Forgets the download of ", title, " in the queue. Files stay where they are."],
    verb: "Clear",
    deed: (given) => asAdmin(given, name, "clear"),
  });
}

async function asAdmin(given, name, verb) {
  const before = admin;
  admin = given;
  try {
    await done(name, verb);
  } catch (error) {
    admin = before;
    throw error;
  }
  readSoon();
}

/** Start whatever is required and not there, in the order of the catalog; the first refusal ends it. */
async function startAll() {
  for (const model of [...state.models.values()].filter(isToBeBrought)) {
    if (!(await act(model.name, "start"))) return;
  }
}

function busy(name, isBusy) {
  const model = state.models.get(name);
  if (model) state.models.set(name, { ...model, isBusy });
  redraw(name);
}

/** Follow links into the page without touching the address: its end holds the filter. */
function jumps() {
  for (const link of document.querySelectorAll("[data-jump]")) {
    link.addEventListener("click", (event) => {
      event.preventDefault();
      const goal = document.querySelector(link.hash);
      goal.focus({ preventScroll: true });
      goal.scrollIntoView();
    });
  }
}

/** Open *name*'s row, wherever the filter hid it, and go there. */
function reveal(name) {
  const isShown = filters.chosen([...state.models.values()]).some((model) => model.name === name);
  filters.set(isShown ? { open: name } : { q: "", show: "", kind: "", open: name });
  requestAnimationFrame(() => requestAnimationFrame(() => models.reveal(name)));
}

byId("told-close").addEventListener("click", () => show(byId("told"), false, byId("models")));
byId("all").addEventListener("click", startAll);
keys(models, filters);
jumps();
setInterval(readWhenSeen, EVERY_MS);
addEventListener("visibilitychange", readWhenSeen);
const line = server.listen(EVENTS, heard, linked);
addEventListener("online", () => line.renew());
