// A form in the middle of a call for an access token, where the one of the creator has expired.

import { accessToken, wayToSignIn } from "./access.js";
import { element } from "./dom.js";
import { attempt } from "./start.js";
import { TokenInput } from "./token-input.js";
import { say } from "./words.js";

export class SignIn {
  node = element("form", { className: "sign-in", hidden: true, onsubmit: (event) => this.#submit(event) });
  #problem = element("p", { className: "problem", role: "alert", hidden: true });
  #token;
  #onToken;

  // onToken: called once the page has a token
  constructor(onToken) {
    this.#onToken = onToken;
  }

  async ask() {
    const way = await wayToSignIn();
    // A server that gives tokens to its page gives the next one without a question.
    this.node.hidden = way === "here";
    this.#token = new TokenInput(way);
    const label = say(way === "login" ? "signIn" : "continue");
    const submit = element("button", { className: "secondary", id: "sign-in" }, label);
    this.node.replaceChildren(this.#token.node ?? "", this.#problem, submit);
  }

  // The login is opened unless a token was pasted. It sends the creator back into the room.
  async #submit(event) {
    const button = event.submitter;
    await attempt(event, button, button.textContent, this.#problem, async () => {
      this.#token.take();
      await accessToken();
      this.node.hidden = true;
      this.#onToken();
    });
  }
}
