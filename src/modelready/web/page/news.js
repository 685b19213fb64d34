// What changed, for those who listen: states only, never figures, and seldom.

import { byId, say } from "./dom.js";
import { LOOKS, counted } from "./words.js";

const PAUSE_MS = 2500;
const TOLD_ONE_BY_ONE = 3;

export class News {
  constructor() {
    this.waiting = new Map();
    this.timer = 0;
  }

  /** Tell that *model* looks otherwise than before. */
  changed(model) {
    this.waiting.set(model.name, `${model.title}: ${LOOKS[model.look].toLowerCase()}`);
    this.timer ||= setTimeout(() => this.#tell(), PAUSE_MS);
  }

  /** Tell *text* at once. */
  now(text) {
    say(byId("news"), text);
  }

  #tell() {
    this.timer = 0;
    const texts = [...this.waiting.values()];
    this.waiting.clear();
    this.now(texts.length > TOLD_ONE_BY_ONE ? `${counted(texts.length, "model")} changed` : texts.join(". "));
  }
}
