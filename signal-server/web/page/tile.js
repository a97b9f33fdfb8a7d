// One picture of a call, with a name and its status.

import { element, icon } from "./dom.js";
import { say } from "./words.js";

export class Tile {
  #video = element("video", { autoplay: true, playsInline: true });
  #stream = new MediaStream();
  #initial = element("span", { className: "initial", ariaHidden: "true" });
  #name = element("span", { className: "name" });
  #marks = element("span", { className: "marks" });
  #state = element("p", { className: "state", role: "status" });

  // isOwn: shown without sound; isMirrored: shown as in a mirror
  constructor(id, { isOwn = false, isMirrored = false, isScreen = false } = {}) {
    this.#video.muted = isOwn;
    this.#video.classList.toggle("mirrored", isMirrored);
    this.#video.srcObject = this.#stream;
    this.node = element("figure", { className: isScreen ? "tile screen" : "tile" },
      element("div", { className: "face" }, this.#initial),
      this.#video,
      this.#state,
      element("figcaption", {}, this.#name, this.#marks),
    );
    this.node.dataset.id = id;
    this.node.style.setProperty("--hue", hue(id));
  }

  // Plays these tracks; the picture is covered by the name's first letter while there is none.
  play(tracks, hasPicture) {
    for (const track of this.#stream.getTracks()) {
      if (!tracks.includes(track)) this.#stream.removeTrack(track);
    }
    for (const track of tracks) {
      if (!this.#stream.getTracks().includes(track)) this.#stream.addTrack(track);
    }
    this.node.classList.toggle("faceless", !hasPicture);
  }

  // Fails where the browser plays no sound before the page was clicked.
  start() {
    return this.#video.play();
  }

  // marks: [{ icon, text, isBad }]; state: a problem, if there is one
  describe(name, marks, state = "") {
    this.#name.textContent = name;
    this.#initial.textContent = [...name][0] ?? "";
    this.#marks.replaceChildren(...marks.map(mark));
    if (this.#state.textContent !== state) this.#state.textContent = state;
    this.#state.hidden = state === "";
  }

  // A tile without sound needs no speaker, and some browsers refuse to give it one.
  async hearWith(speaker) {
    if (!this.#video.muted) await this.#video.setSinkId(speaker);
  }

  speak(isSpeaking) {
    this.node.classList.toggle("speaking", isSpeaking);
  }

  remove() {
    this.#video.srcObject = null;
    this.node.remove();
  }
}

export function stateOf(peer) {
  switch (peer.connection?.state) {
    case "connected":
      return peer.connected ? "" : say("away");
    case "disconnected":
    case "failed":
      return say("interrupted");
    default:
      return peer.connected ? say("connecting") : say("away");
  }
}

// The tracks that a participant has muted according to its state: a list of names, or all of them.
export function hasMuted(state, track) {
  const muted = state?.muted;
  return muted === true || (Array.isArray(muted) && muted.includes(track));
}

function mark({ icon: name, text, isBad }) {
  if (!name) return element("span", { className: "mark" }, text);
  const className = isBad ? "mark bad" : "mark";
  const shown = element("span", { className, title: text }, icon(name));
  shown.append(element("span", { className: "offscreen" }, text));
  return shown;
}

// A color that stays with a participant.
function hue(id) {
  let sum = 0;
  for (const letter of id) sum = (sum * 31 + letter.charCodeAt(0)) % 360;
  return sum;
}
