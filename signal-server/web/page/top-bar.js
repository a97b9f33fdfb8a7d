// The name of the room, what everybody should know of it, and the ways to its dialogs.

import { Countdown } from "./countdown.js";
import { element, icon, iconButton, notify } from "./dom.js";
import { say } from "./words.js";

export class TopBar {
  #participant;
  #title = element("h1");
  #count = element("span");
  #countdown;
  #warning = element("p", { className: "warning", role: "status", hidden: true });
  #crowd = element("p", { className: "crowd", role: "status", hidden: true });
  #manage;

  // open: { invitation(), details(), management() }
  constructor(participant, open) {
    this.#participant = participant;
    this.#countdown = new Countdown(participant);
    const label = element("span", {}, say("invite"));
    const invite = element("button", {
      type: "button", className: "secondary invite", ariaLabel: say("invitation"),
      onclick: open.invitation,
    }, icon("invite"), label);
    const button = (name, onclick) => iconButton(name, say(name), {
      className: "secondary tool", id: name, onclick,
    });
    this.#manage = button("manage", open.management);
    this.node = element("header", { className: "top" },
      element("div", { className: "titles" }, this.#title,
        element("p", { className: "count" }, this.#count,
          element("span", { className: "dot" }, " · "), this.#countdown.node)),
      button("details", open.details), this.#manage, invite, this.#warning, this.#crowd);
  }

  show() {
    const { room, peers } = this.#participant;
    const people = peers.size + 1;
    this.#title.textContent = room.name;
    const facts = [room.id, say("people", people)];
    if (room.locked) facts.push(say("locked"));
    this.#count.textContent = facts.join(" · ");
    const isCrowded = people >= CROWD;
    this.#crowd.textContent = isCrowded ? say("crowd", { n: people }) : "";
    this.#crowd.hidden = !isCrowded;
    document.title = room.name;
    this.#countdown.show();
  }

  close() {
    this.#countdown.close();
  }

  // Whether this participant may manage the room.
  permit(isManager) {
    this.#manage.hidden = !isManager;
  }

  warn(isReconnecting) {
    if (!isReconnecting && !this.#warning.hidden) notify(say("reconnected"));
    this.#warning.textContent = isReconnecting ? say("reconnecting") : "";
    this.#warning.hidden = !isReconnecting;
  }
}

// Everybody sends to everybody, and from so many people on the pictures become small.
const CROWD = 9;
