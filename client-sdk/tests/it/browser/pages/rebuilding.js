// A page as simple as possible: whoever arrives offers to everybody, and each offer, made or received, begins with a
// new connection.

import { Call } from "./call.js";

class RebuildingCall extends Call {
  async joined(ids) {
    for (const id of ids) {
      await this.restart(id);
    }
  }

  arrived() {}

  restart(id) {
    this.connect(id);
    return this.offer(id);
  }

  // A further track is offered in the connection that there is.
  trackAdded(id) {
    return this.offer(id);
  }

  async offer(id) {
    const { pc } = this.peers.get(id);
    const offer = await pc.createOffer();
    await pc.setLocalDescription(offer);
    this.send({ type: "offer", to: id, sdp: offer.sdp });
  }

  async offered(id, sdp) {
    const { pc } = this.connect(id);
    await pc.setRemoteDescription({ type: "offer", sdp });
    const answer = await pc.createAnswer();
    await pc.setLocalDescription(answer);
    this.send({ type: "answer", to: id, sdp: answer.sdp });
  }

  async answered(id, sdp) {
    await this.peers.get(id)?.pc.setRemoteDescription({ type: "answer", sdp });
  }
}

window.call = new RebuildingCall();
