// The dialog in which the creator removes people, and locks, extends and closes the room.

import { dialog, element, notify } from "./dom.js";
import { LANGUAGE, say, sayFailure } from "./words.js";

export class Management {
  #participant;
  #host;
  #room; // as the server has shown it last
  #shown; // the people in the list
  #problem = element("p", { className: "problem", role: "alert", hidden: true });
  #people = element("ul", { className: "people" });
  #lock = action("", () => this.#toggleLock());
  #attempts = element("span");
  #restore = action(say("attemptsRestore"), () => this.#change({ restore_attempts: true }));
  #end = element("span");
  #extend = action(say("extend"), () => this.#extendTime());

  constructor(participant, host) {
    this.#participant = participant;
    this.#host = host;
    this.#lock.id = "lock";
    this.#restore.id = "restore";
    this.#extend.id = "extend";
    const rotate = action(say("rotate"), () => this.#rotate());
    rotate.id = "rotate";
    const close = action(say("closeRoom"), () => this.#attempt(() => this.#host.close()));
    close.classList.add("dangerous");
    close.id = "close-room";
    this.node = dialog(say("manage"), "management",
      this.#problem,
      element("h3", {}, say("inTheRoom")),
      this.#people,
      element("h3", {}, say("entrance")),
      element("div", { className: "setting" },
        element("span", {}, say("lockHint")), this.#lock),
      element("div", { className: "setting" },
        element("span", {}, say("rotateHint")), rotate),
      element("div", { className: "setting" }, this.#attempts, this.#restore),
      element("h3", {}, say("duration")),
      element("div", { className: "setting" }, this.#end, this.#extend),
      element("div", { className: "setting" }, element("span", {}, say("closeRoomHint")), close),
    );
    participant.addEventListener("passwordattempts", ({ detail: { left } }) => {
      if (left === 0) notify(say("attemptsGone"));
      if (this.#room) this.#showRoom({ ...this.#room, password_attempts_left: left });
    });
  }

  open() {
    this.showPeople();
    this.#lock.disabled = this.#extend.disabled = true;
    this.node.showModal();
    return this.#attempt(async () => this.#showRoom(await this.#host.show()));
  }

  // The rows stay where nobody came or went, since one of their buttons may have the focus.
  showPeople() {
    const peers = [...this.#participant.peers.values()].map(({ id, name }) => ({ id, name }));
    const shown = JSON.stringify(peers);
    if (shown === this.#shown) return;
    this.#shown = shown;
    const rows = peers.map((peer) => this.#row(peer));
    const nobody = element("li", { className: "hint" }, say("alone"));
    this.#people.replaceChildren(...(rows.length > 0 ? rows : [nobody]));
  }

  // Everybody learns of changes of the room, also of those made elsewhere.
  roomChanged() {
    const { locked, expires_at } = this.#participant.room;
    if (this.#room) this.#showRoom({ ...this.#room, locked, expires_at });
  }

  #row({ id, name }) {
    const remove = action(say("remove"), () => this.#remove(id, name));
    const ban = action(say("ban"), () => this.#ban(id, name));
    remove.title = say("removeHint");
    ban.title = say("banHint");
    ban.classList.add("ban", "dangerous");
    remove.classList.add("remove");
    for (const button of [ban, remove]) button.ariaLabel = `${button.textContent}: ${name}`;
    return element("li", {}, element("span", { className: "who" }, name), ban, remove);
  }

  #showRoom(room) {
    this.#room = room;
    this.#lock.disabled = this.#extend.disabled = false;
    this.#lock.textContent = say(room.locked ? "unlock" : "lock");
    this.#lock.ariaPressed = String(room.locked);
    this.#attempts.textContent = say("attemptsLeft", room.password_attempts_left);
    this.#restore.hidden = room.password_attempts_left === MOST_ATTEMPTS;
    const time = new Date(room.expires_at)
      .toLocaleTimeString(LANGUAGE, { hour: "2-digit", minute: "2-digit" });
    this.#end.textContent = say("endsAt", { time });
    this.#extend.disabled = this.#minutes() >= LONGEST_MINUTES;
  }

  #toggleLock() {
    return this.#change({ locked: !this.#room.locked });
  }

  #extendTime() {
    const minutes = Math.min(this.#minutes() + EXTENSION_MINUTES, LONGEST_MINUTES);
    return this.#change({ expires_minutes: minutes });
  }

  // From the creation of the room to its end.
  #minutes() {
    const { created_at: createdAt, expires_at: expiresAt } = this.#room;
    return Math.round((Date.parse(expiresAt) - Date.parse(createdAt)) / 60_000);
  }

  #rotate() {
    return this.#change({ rotate_password: true }, say("rotated"));
  }

  #remove(id, name) {
    return this.#attempt(() => this.#host.remove(id), say("removed", { name }));
  }

  #ban(id, name) {
    return this.#attempt(() => this.#host.ban(id), say("banned", { name }));
  }

  #change(changes, done) {
    return this.#attempt(async () => this.#showRoom(await this.#host.change(changes)), done);
  }

  async #attempt(request, done) {
    this.#problem.hidden = true;
    try {
      await request();
      if (done) notify(done);
    } catch (error) {
      this.#problem.textContent = sayFailure(error);
      this.#problem.hidden = false;
    }
  }
}

function action(label, onclick) {
  return element("button", { type: "button", className: "secondary", onclick }, label);
}

const MOST_ATTEMPTS = 20;
const EXTENSION_MINUTES = 30;
const LONGEST_MINUTES = 1440;
