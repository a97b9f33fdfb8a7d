// The dialog in which the creator and moderators remove people, and lock and close the room. The
// creator also extends it, and renews its password.

import { refusesToken } from "./access.js";
import { dialog, element, notify } from "./dom.js";
import { Moderator } from "./moderator.js";
import { SignIn } from "./sign-in.js";
import { say, sayFailure, sayTime } from "./words.js";

export class Management {
  #participant;
  #host; // of the creator alone
  #means; // the host, or a moderator
  #details; // of the room, as the server has shown them to the creator last
  #shown; // the people in the list
  #problem = element("p", { className: "problem", role: "alert", hidden: true });
  #signIn = new SignIn(() => this.#showDetails());
  #people = element("ul", { className: "people" });
  #lock = action("lock", "", () => this.#toggleLock());
  #attempts = element("span");
  #restore = action("restore", say("attemptsRestore"), () => this.#restoreAttempts());
  #end = element("span");
  #extend = action("extend", say("extend"), () => this.#extendTime());

  // host: absent where this participant is a moderator at most
  constructor(participant, host) {
    this.#participant = participant;
    this.#host = host;
    this.#means = host ?? new Moderator(participant);
    this.#restore.hidden = true;
    const rotate = action("rotate", say("rotate"), () => this.#rotate());
    const close = action("close-room", say("closeRoom"), () => this.#closeRoom());
    close.classList.add("dangerous");
    const ofHost = (...children) => (host ? children : []);
    this.node = dialog(say("manage"), "management",
      this.#problem,
      this.#signIn.node,
      element("h3", {}, say("inTheRoom")),
      this.#people,
      element("h3", {}, say("entrance")),
      setting(element("span", {}, say("lockHint")), this.#lock),
      ...ofHost(
        setting(element("span", {}, say("rotateHint")), rotate),
        setting(this.#attempts, this.#restore),
      ),
      element("h3", {}, say("duration")),
      setting(this.#end, ...ofHost(this.#extend)),
      setting(element("span", {}, say("closeRoomHint")), close),
    );
    participant.addEventListener("passwordattempts", ({ detail: { left } }) => {
      if (left === 0) notify(say("attemptsGone"));
      if (this.#details) this.#show({ ...this.#details, password_attempts_left: left });
    });
  }

  open() {
    this.showPeople();
    this.roomChanged();
    this.node.showModal();
    if (!this.#host) return undefined;
    this.#extend.disabled = true;
    return this.#showDetails();
  }

  close() {
    this.node.close();
  }

  // The rows stay where nobody came or went, since one of their buttons may have the focus.
  showPeople() {
    const people = [...this.#participant.peers.values()]
      .map(({ id, name, isCreator }) => ({ id, name, isCreator }));
    const shown = JSON.stringify(people);
    if (shown === this.#shown) return;
    this.#shown = shown;
    const rows = people.map((person) => this.#row(person));
    const nobody = element("li", { className: "hint" }, say("alone"));
    this.#people.replaceChildren(...(rows.length > 0 ? rows : [nobody]));
  }

  // Everybody learns of changes of the room, also of those made elsewhere.
  roomChanged() {
    const { locked, expires_at: expiresAt } = this.#participant.room;
    this.#lock.textContent = say(locked ? "unlock" : "lock");
    this.#end.textContent = say("endsAt", { time: sayTime(new Date(expiresAt)) });
    if (this.#details) this.#show({ ...this.#details, expires_at: expiresAt });
  }

  #showDetails() {
    return this.#attempt(async () => this.#show(await this.#host.show()));
  }

  #show(details) {
    this.#details = details;
    this.#attempts.textContent = say("attemptsLeft", details.password_attempts_left);
    this.#restore.hidden = details.password_attempts_left === MOST_ATTEMPTS;
    this.#extend.disabled = this.#minutes() >= LONGEST_MINUTES;
  }

  #row({ id, name, isCreator }) {
    const who = element("span", { className: "who" }, name);
    // Nobody removes the creator.
    if (isCreator) return element("li", {}, who, element("span", {}, say("creator")));
    const remove = action(undefined, say("remove"), () => this.#remove(id, name));
    const ban = action(undefined, say("ban"), () => this.#ban(id, name));
    remove.title = say("removeHint");
    ban.title = say(this.#host ? "banHint" : "banHintModerator");
    ban.classList.add("ban", "dangerous");
    remove.classList.add("remove");
    for (const button of [ban, remove]) button.ariaLabel = `${button.textContent}: ${name}`;
    return element("li", {}, who, ban, remove);
  }

  #toggleLock() {
    return this.#attempt(() => this.#means.lock(!this.#participant.room.locked));
  }

  #restoreAttempts() {
    return this.#change({ restore_attempts: true });
  }

  #extendTime() {
    const minutes = Math.min(this.#minutes() + EXTENSION_MINUTES, LONGEST_MINUTES);
    return this.#change({ expires_minutes: minutes });
  }

  // From the creation of the room to its end.
  #minutes() {
    const { created_at: createdAt, expires_at: expiresAt } = this.#details;
    return Math.round((Date.parse(expiresAt) - Date.parse(createdAt)) / 60_000);
  }

  #rotate() {
    return this.#change({ rotate_password: true }, say("rotated"));
  }

  #remove(id, name) {
    return this.#attempt(() => this.#means.remove(id), say("removed", { name }));
  }

  #ban(id, name) {
    const done = say(this.#host ? "banned" : "bannedByModerator", { name });
    return this.#attempt(() => this.#means.ban(id), done);
  }

  #closeRoom() {
    return this.#attempt(() => this.#means.close());
  }

  #change(changes, done) {
    return this.#attempt(async () => this.#show(await this.#host.change(changes)), done);
  }

  async #attempt(request, done) {
    this.#problem.hidden = true;
    try {
      await request();
      if (done) notify(done);
    } catch (error) {
      this.#problem.textContent = sayFailure(error);
      this.#problem.hidden = false;
      if (refusesToken(error)) await this.#signIn.ask();
    }
  }
}

function setting(...children) {
  return element("div", { className: "setting" }, ...children);
}

function action(id, label, onclick) {
  return element("button", { type: "button", id, className: "secondary", onclick }, label);
}

const MOST_ATTEMPTS = 20;
const EXTENSION_MINUTES = 30;
const LONGEST_MINUTES = 1440;
