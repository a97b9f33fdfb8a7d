// Where an access token is pasted: the only way to get one on some servers, and one beside the login
// on others.

import { paste } from "./access.js";
import { element, field } from "./dom.js";
import { say } from "./words.js";

export class TokenInput {
  node; // absent where the page gets its token by itself
  #input;

  // wayToSignIn: "here", "login" or "token"; see access.js
  constructor(wayToSignIn) {
    this.#input = element("input", {
      type: "password", autocomplete: "off", required: wayToSignIn === "token",
    });
    const labelled = field(say("accessToken"), this.#input, say("accessTokenHint"));
    if (wayToSignIn === "token") this.node = labelled;
    if (wayToSignIn === "login") {
      this.node = element("details", {}, element("summary", {}, say("pasteToken")), labelled);
    }
  }

  // Has the page use the token, if one was pasted.
  take() {
    if (this.#input.value.trim()) paste(this.#input.value);
  }
}
