// The disk as a picture: how full each place is, and what takes the space there.

import { draw, make } from "./dom.js";
import { squares } from "./squares.js";
import { bytes, counted } from "./words.js";

const WIDTH = 320;
const HEIGHT = 200;
const TINTS = 6;
const PIECES = 24;
const TABLE_ROWS = 10;

/** Fill *place* with a picture of *places*; *models* by name give titles and kinds. */
export function disk(place, places, models, reveal) {
  const key = JSON.stringify(places);
  if (place.dataset.shows === key) return;
  place.dataset.shows = key;
  const parts = places.map((one) => picture(one, models, reveal));
  place.replaceChildren(...(parts.length ? parts : [make("p", { class: "faint" }, "No place is known yet.")]));
}

function picture(place, models, reveal) {
  const ours = place.used.map((one) => [one.model, one.bytes]).filter(([, size]) => size > 0).sort(([, one], [, other]) => other - one);
  const sum = ours.reduce((total, [, size]) => total + size, 0);
  const others = Math.max(place.total - place.free - sum, 0);
  const head = make("p", { class: "place-line" }, make("bdi", { class: "strong" }, place.label), make("span", { class: "faint" }, `${bytes(place.free)} free of ${bytes(place.total)}`));
  const parts = [head, gauge(place, sum, others)];
  if (ours.length) parts.push(treemap(ours, models, reveal), table(ours, models, reveal));
  else parts.push(make("p", { class: "faint" }, "No model takes space here yet."));
  return make("div", { class: "place" }, ...parts);
}

function gauge(place, ours, others) {
  const total = Math.max(place.total, 1);
  const told = `Models take ${bytes(ours)}, other files ${bytes(others)}, ${bytes(place.free)} of ${bytes(place.total)} are free`;
  const picture = draw("svg", { class: "gauge", viewBox: "0 0 320 14", preserveAspectRatio: "none", role: "img", "aria-label": told });
  const wide = (size) => Math.max((320 * size) / total, size > 0 ? 1.5 : 0);
  picture.append(draw("rect", { class: "gauge-free", width: 320, height: 14 }));
  picture.append(draw("rect", { class: "gauge-others", width: wide(ours) + wide(others), height: 14 }));
  picture.append(draw("rect", { class: "gauge-ours", width: wide(ours), height: 14 }));
  const keys = [["ours", `models ${bytes(ours)}`], ["others", `others ${bytes(others)}`], ["free", "free"]];
  const legend = keys.map(([name, word]) => make("span", { class: `key key-${name}` }, word));
  return make("div", {}, picture, make("p", { class: "legend", "aria-hidden": "true" }, ...legend));
}

function treemap(ours, models, reveal) {
  const shown = ours.slice(0, PIECES);
  const rest = ours.slice(PIECES).reduce((sum, [, size]) => sum + size, 0);
  const pieces = rest ? [...shown, [null, rest]] : shown;
  pieces.sort(([, one], [, other]) => other - one);
  const kinds = [...new Set(pieces.map(([name]) => models.get(name)?.kind || ""))];
  const told = `What takes the space: ${shown.slice(0, 5).map(([name, size]) => `${titleOf(name, models)} ${bytes(size)}`).join(", ")}`;
  const picture = draw("svg", { class: "treemap", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": told });
  const boxes = squares(pieces.map(([, size]) => size), { x: 0, y: 0, width: WIDTH, height: HEIGHT });
  pieces.forEach(([name, size], place) => picture.append(piece(name, size, boxes[place], { models, kinds, reveal, rest: ours.length - PIECES })));
  return make("div", {}, picture, kindsTold(kinds));
}

function kindsTold(kinds) {
  const keys = kinds.slice(0, TINTS).map((kind, place) => make("span", { class: `key tint-${place}` }, kind || "no kind"));
  return make("p", { class: "legend", "aria-hidden": "true" }, ...keys);
}

function piece(name, size, box, { models, kinds, reveal, rest }) {
  const title = name === null ? counted(rest, "other model") : titleOf(name, models);
  const tint = kinds.indexOf(models.get(name)?.kind || "") % TINTS;
  const group = draw("g", { class: `piece tint-${tint}` });
  const gap = Math.min(1, box.width / 4, box.height / 4);
  group.append(draw("title", {}, `${title}: ${bytes(size)}`));
  group.append(draw("rect", { x: box.x + gap, y: box.y + gap, width: box.width - 2 * gap, height: box.height - 2 * gap, rx: Math.min(3, box.width / 4, box.height / 4) }));
  if (box.width > 54 && box.height > 20) group.append(label(title, box, 14, "piece-title"));
  if (box.width > 54 && box.height > 36) group.append(label(bytes(size), box, 27, "piece-size"));
  if (name !== null && models.has(name)) {
    group.classList.add("leads");
    group.addEventListener("click", () => reveal(name));
  }
  return group;
}

function label(text, box, down, look) {
  const room = Math.floor((box.width - 12) / 6.3);
  const letters = [...text];
  const fitting = letters.length > room ? `${letters.slice(0, Math.max(room - 1, 1)).join("")}…` : text;
  return draw("text", { x: box.x + 7, y: box.y + down + 2, class: look }, fitting);
}

function table(ours, models, reveal) {
  const rows = ours.slice(0, TABLE_ROWS).map(([name, size]) => make("tr", {}, make("th", { scope: "row" }, opener(name, models, reveal)), make("td", {}, bytes(size))));
  const rest = ours.slice(TABLE_ROWS);
  if (rest.length) rows.push(make("tr", {}, make("th", { scope: "row" }, counted(rest.length, "other model")), make("td", {}, bytes(rest.reduce((sum, [, size]) => sum + size, 0)))));
  return make("details", { class: "as-list" }, make("summary", {}, "As a list"), make("table", {}, make("tbody", {}, ...rows)));
}

function opener(name, models, reveal) {
  if (!models.has(name)) return make("bdi", {}, name);
  const button = make("button", { type: "button", class: "plain" }, make("bdi", {}, titleOf(name, models)));
  button.addEventListener("click", () => reveal(name));
  return button;
}

const titleOf = (name, models) => models.get(name)?.title || name;
