// The dialog that asks for the admin token, which nothing but this page's memory keeps.

import { byId, say, withCode } from "./dom.js";

export class Token {
  constructor() {
    this.dialog = byId("admin");
    this.field = byId("token");
    this.note = byId("token-note");
    this.usual = this.note.textContent;
    byId("admin-close").addEventListener("click", () => this.dialog.close());
    byId("admin-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#try();
    });
  }

  /** Ask for the token, and do *deed* with it; what the server says against it is shown, and asked again. */
  ask({ title, about, verb, deed }) {
    this.deed = deed;
    say(byId("admin-title"), title);
    byId("admin-about").replaceChildren(...about);
    say(byId("admin-do"), verb);
    say(this.note, this.usual);
    this.dialog.showModal();
    this.field.focus();
  }

  async #try() {
    try {
      await this.deed(this.field.value);
      this.dialog.close();
    } catch (error) {
      this.note.replaceChildren(...withCode([error.message, error.remedy].filter(Boolean).join(": ")));
      this.field.select();
    }
  }
}
