// The time that a room has left, by the clock of the server.

import { element, notify } from "./dom.js";
import { say } from "./words.js";

export class Countdown {
  node = element("span", { className: "left", role: "timer" });
  #participant;
  #ticking = setInterval(() => this.show(), 1000);
  #isAnnounced = false;

  constructor(participant) {
    this.#participant = participant;
  }

  show() {
    const seconds = Math.ceil(this.#participant.timeLeftMs / 1000);
    const isSoon = seconds <= SOON_SECONDS;
    const text = say("timeLeft", { time: isSoon ? clock(seconds) : duration(seconds) });
    if (this.node.textContent !== text) this.node.textContent = text;
    this.node.classList.toggle("soon", isSoon);
    if (isSoon && !this.#isAnnounced) notify(say("endsSoon", Math.max(1, Math.ceil(seconds / 60))));
    this.#isAnnounced = isSoon;
  }

  close() {
    clearInterval(this.#ticking);
  }
}

function duration(seconds) {
  const minutes = Math.ceil(seconds / 60);
  if (minutes < 60) return say("minutes", { n: minutes });
  if (minutes % 60 === 0) return say("hours", minutes / 60);
  return say("hoursAndMinutes", { hours: Math.floor(minutes / 60), minutes: minutes % 60 });
}

function clock(seconds) {
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}

const SOON_SECONDS = 5 * 60;
