// The dialog that clears a stuck download: it asks for the admin token, which nothing but this page's memory keeps.

import { byId, say } from "./dom.js";

export class Clearing {
  constructor(clear) {
    this.dialog = byId("clearing");
    this.token = byId("token");
    this.note = byId("token-note");
    this.usual = this.note.textContent;
    byId("clearing-close").addEventListener("click", () => this.dialog.close());
    byId("clearing-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#clear(clear);
    });
  }

  ask(name, title) {
    this.name = name;
    say(byId("clearing-name"), title);
    say(this.note, this.usual);
    this.dialog.showModal();
    this.token.focus();
  }

  async #clear(clear) {
    try {
      await clear(this.name, this.token.value);
      this.dialog.close();
    } catch (error) {
      say(this.note, [error.message, error.remedy].filter(Boolean).join(": "));
      this.token.select();
    }
  }
}
