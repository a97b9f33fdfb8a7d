// The invitation of a room: its link, its id and its password.

import { copy } from "./copy.js";
import { dialog, element, icon, notify } from "./dom.js";
import { say } from "./words.js";

export class Invitation {
  #rows = element("dl");
  #copyAll = element("button", { type: "button", className: "primary" }, say("copyAll"));
  #doubt = element("p", { className: "problem" });
  #text;

  // invitation: { roomId, link, password }, as far as this participant knows them, and a doubt
  // whether they are still good, if there is one
  constructor(invitation) {
    this.#copyAll.addEventListener("click", () => copyAndTell(this.#text));
    const hint = element("p", { className: "hint" }, say("invitationHint"));
    this.node = dialog(say("invitation"), "invitation", this.#doubt, hint, this.#rows);
    this.node.querySelector(".actions").append(this.#copyAll);
    this.show(invitation);
  }

  show({ roomId, link, password, doubt }) {
    this.#doubt.textContent = doubt ?? "";
    this.#doubt.hidden = doubt === undefined;
    const known = [
      [say("link"), link, "link"],
      [say("roomId"), roomId, "code"],
      [say("password"), password, "code"],
    ].filter(([, value]) => value);
    this.#rows.replaceChildren(...known.map(row));
    this.#text = say("invitationText", { link, room: roomId, password });
    this.#copyAll.hidden = !link || !password;
  }

  open() {
    this.node.showModal();
  }
}

function row([label, value, kind]) {
  const button = element("button", {
    type: "button", className: "round small", title: say("copy"),
    ariaLabel: `${say("copy")}: ${label}`,
  }, icon("copy"));
  button.addEventListener("click", async () => {
    if (!(await copyAndTell(value))) return;
    button.replaceChildren(icon("check"));
    setTimeout(() => button.replaceChildren(icon("copy")), 2000);
  });
  return element("div", {},
    element("dt", {}, label),
    element("dd", {}, element("span", { className: kind }, value), button),
  );
}

async function copyAndTell(text) {
  const isCopied = await copy(text);
  notify(say(isCopied ? "copied" : "copyFailed"));
  return isCopied;
}
