// The tiles of a call: everybody in a grid, or a screen that is shared with the others beside it.

import { element } from "./dom.js";
import { hasMuted, stateOf, Tile } from "./tile.js";
import { SPEAKING } from "./voice.js";
import { say } from "./words.js";

export class Stage {
  #participant;
  #voice;
  #grid = element("div", { className: "grid" });
  #screens = element("div", { className: "screens" });
  #tiles = new Map(); // a participant's id, or that of its screen -> Tile
  #hear = element("button", { className: "primary hear", hidden: true }, say("hear"));
  #resized = new ResizeObserver(() => requestAnimationFrame(() => this.#arrange()));
  #listening;
  #routes = new Map(); // a participant's id -> "direct" or "relayed"
  #speaker; // the id of the device to hear the others with, if one was chosen

  constructor(participant, voice, alone) {
    this.#participant = participant;
    this.#voice = voice;
    this.#hear.addEventListener("click", () => this.#startAll());
    this.node = element("section", { className: "stage" },
      this.#screens, this.#grid, alone, this.#hear);
    this.#resized.observe(this.node);
    this.#listening = setInterval(() => this.#showSpeakers(), LISTENED_EVERY_MS);
  }

  close() {
    this.#resized.disconnect();
    clearInterval(this.#listening);
  }

  // Shows this participant: { name, camera, screen, isMuted }.
  showSelf({ name, camera, screen, isMuted }) {
    const options = { isOwn: true, isMirrored: true };
    const tile = this.#tile("self", options);
    tile.play(camera ? [camera] : [], camera !== undefined);
    const you = name ? say("nameOfYou", { name }) : say("you");
    tile.describe(you, isMuted ? [MUTED()] : []);
    this.#showScreen("self", screen ? [screen] : [], say("yourScreen"), { isOwn: true });
    this.#arrange();
  }

  showPeer(peer) {
    const of = (...sources) => peer.media.filter(({ source }) => sources.includes(source));
    const screen = of("screen").map(({ track }) => track);
    const person = of("microphone", "camera", "file").map(({ track }) => track);
    const camera = person.find((track) => track.kind === "video");
    const tile = this.#tile(peer.id);
    const isShown = camera !== undefined && !camera.muted && !hasMuted(peer.state, "video");
    tile.play(person, isShown);
    this.#watch(camera, peer);
    const marks = [];
    if (peer.isCreator) marks.push({ text: say("creator") });
    const route = this.#routes.get(peer.id);
    if (route) marks.push({ icon: route, text: say(route) });
    if (hasMuted(peer.state, "audio")) marks.push(MUTED());
    tile.describe(peer.name, marks, stateOf(peer));
    const shares = screen.some((track) => track.kind === "video");
    const title = say("isSharing", { name: peer.name });
    this.#showScreen(peer.id, shares ? screen : [], title, {});
    this.#arrange();
  }

  // measured: by the ids of peers, from Quality
  showRoutes(measured) {
    for (const [id, { route }] of measured) {
      const peer = this.#participant.peers.get(id);
      if (!peer || this.#routes.get(id) === route) continue;
      this.#routes.set(id, route);
      this.showPeer(peer);
    }
  }

  // Plays the sound of the others with that device.
  async hearWith(speaker) {
    this.#speaker = speaker;
    await Promise.all([...this.#tiles.values()].map((tile) => tile.hearWith(speaker)));
  }

  removePeer(peer) {
    this.#routes.delete(peer.id);
    this.#remove(peer.id);
    this.#remove(screenOf(peer.id));
    this.#arrange();
  }

  // A track without packets is muted, and a frozen picture is not shown.
  #watch(track, peer) {
    if (!track || track.onmute) return;
    track.onmute = track.onunmute = () => {
      if (this.#tiles.has(peer.id)) this.showPeer(peer);
    };
  }

  #showScreen(id, tracks, title, options) {
    const screen = screenOf(id);
    if (tracks.length === 0) {
      this.#remove(screen);
      return;
    }
    const tile = this.#tile(screen, { ...options, isScreen: true });
    tile.play(tracks, true);
    tile.describe(title, []);
  }

  #tile(id, options = {}) {
    let tile = this.#tiles.get(id);
    if (!tile) {
      tile = new Tile(id, options);
      this.#tiles.set(id, tile);
      (options.isScreen ? this.#screens : this.#grid).append(tile.node);
      // The device may be gone meanwhile; the usual one plays then.
      if (this.#speaker) tile.hearWith(this.#speaker).catch(() => {});
      tile.start().catch((error) => {
        // A tile that is shown without sound, or is gone already, needs no click.
        if (error.name === "NotAllowedError") this.#hear.hidden = false;
      });
    }
    return tile;
  }

  #remove(id) {
    this.#tiles.get(id)?.remove();
    this.#tiles.delete(id);
  }

  #startAll() {
    this.#hear.hidden = true;
    for (const tile of this.#tiles.values()) tile.start().catch(() => {});
  }

  #showSpeakers() {
    this.#tiles.get("self")?.speak(this.#voice.isSpeaking);
    for (const [id, { connection, publish }] of this.#participant.peers) {
      this.#tiles.get(id)?.speak(publish && (connection?.level ?? 0) > SPEAKING);
    }
  }

  // As many columns as make the tiles largest, which may be higher than pictures usually are.
  #arrange() {
    const hasScreen = this.#screens.childElementCount > 0;
    this.node.classList.toggle("presenting", hasScreen);
    const count = this.#grid.childElementCount;
    const { clientWidth: width, clientHeight: height } = this.#grid;
    let best = { area: 0 };
    for (let columns = 1; columns <= count; columns += 1) {
      const rows = Math.ceil(count / columns);
      const widest = (width - GAP * (columns - 1)) / columns;
      const highest = (height - GAP * (rows - 1)) / rows;
      const ratio = Math.min(Math.max(widest / highest, NARROWEST), WIDEST);
      const fitting = Math.min(widest, highest * ratio);
      const area = fitting ** 2 / ratio;
      if (area > best.area) best = { area, ratio, width: Math.floor(fitting) };
    }
    if (!best.width) return;
    this.#grid.style.setProperty("--tile-width", `${best.width}px`);
    this.#grid.style.setProperty("--tile-ratio", best.ratio);
  }
}

const MUTED = () => ({ icon: "microphone-off", text: say("muted"), isBad: true });
const screenOf = (id) => `${id} screen`;
const GAP = 12;
const NARROWEST = 0.8;
const WIDEST = 16 / 9;
// Only the last packet tells the level. This is no round part of a second, so that sounds which
// come as regularly do not fall between two looks.
const LISTENED_EVERY_MS = 170;
