// Has the sample of the API document take part, and tells what came of it.

import { paintScreen } from "./media.js";
import { describe } from "./statistics.js";

class Witness {
  shown = new Set();
  endedWith = null;

  async enter({ room, password, name }) {
    const stream = (_, stream) => this.show(stream);
    this.sample = await start(room, password, name, { stream, gone() {}, end: (code) => (this.endedWith = code) });
    while (!this.sample.id) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    return this.sample.id;
  }

  // Sound is decoded only while something plays it.
  show(stream) {
    if (this.shown.has(stream.id)) {
      return;
    }
    this.shown.add(stream.id);
    const element = document.createElement("video");
    element.autoplay = true;
    element.srcObject = stream;
    document.body.append(element);
  }

  shareScreen(width, height) {
    const stream = paintScreen(width, height);
    this.sample.publish(stream.getVideoTracks()[0], stream);
  }

  // Takes its socket for broken. That is there still, which the server does not mind.
  loseSocket() {
    this.sample.closed(1006);
  }

  leave() {
    this.sample.leave();
  }

  async report() {
    const peers = {};
    for (const [id, { pc }] of this.sample.peers) {
      peers[id] = { ...(await describe(pc)), shown: null, canSend: false, channels: {} };
    }
    const isClosed = this.endedWith !== null;
    const counts = { connectionsMade: 0, offersSent: 0, offersReceived: 0 };
    return { present: Object.keys(peers), peers, messages: [], refusals: [], isClosed, ...counts };
  }
}

window.call = new Witness();
