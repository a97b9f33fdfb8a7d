// A page that keeps its connections and negotiates as docs/api.md says: of two participants the one with the smaller
// id offers. Later changes may be offered by either side; an offer that the server delivers has won.

import { Call } from "./call.js";

class KeepingCall extends Call {
  joined(ids) {
    ids.forEach((id) => this.meet(id));
  }

  arrived(id) {
    this.meet(id);
  }

  meet(id) {
    const peer = this.connect(id);
    peer.turn = Promise.resolve();
    peer.pc.onnegotiationneeded = () => {
      // Before the first description of the other side only the smaller id has to offer.
      if (this.me < id || peer.pc.remoteDescription) {
        this.renegotiate(id);
      }
    };
    if (this.me < id) {
      this.carry(id, peer.pc.createDataChannel("page"));
      this.askFor(peer.pc);
    }
  }

  // Whoever offers has a place for the other side's audio and video, whatever it sends itself.
  askFor(pc) {
    for (const kind of ["audio", "video"]) {
      if (!pc.getSenders().some((sender) => sender.track?.kind === kind)) {
        pc.addTransceiver(kind, { direction: "recvonly" });
      }
    }
  }

  renegotiate(id) {
    return this.inTurn(id, async (pc) => {
      // The event comes again once whatever is under way is settled.
      if (pc.signalingState === "stable") {
        await pc.setLocalDescription();
        this.send({ type: "offer", to: id, sdp: pc.localDescription.sdp });
      }
    });
  }

  offered(id, sdp) {
    return this.inTurn(id, async (pc) => {
      if (pc.signalingState === "have-local-offer") {
        await pc.setLocalDescription({ type: "rollback" });
      }
      await pc.setRemoteDescription({ type: "offer", sdp });
      await pc.setLocalDescription();
      this.send({ type: "answer", to: id, sdp: pc.localDescription.sdp });
    });
  }

  answered(id, sdp) {
    return this.inTurn(id, (pc) => pc.setRemoteDescription({ type: "answer", sdp }));
  }

  // The event has told.
  trackAdded() {}

  restart(id) {
    this.peers.get(id).pc.restartIce();
  }

  // One change of a connection's descriptions at a time.
  inTurn(id, change) {
    const peer = this.peers.get(id);
    peer.turn = peer.turn.then(() => change(peer.pc));
    return peer.turn;
  }
}

window.call = new KeepingCall();
