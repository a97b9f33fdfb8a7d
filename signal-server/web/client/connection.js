// The connection to one peer, kept through every renegotiation ("Negotiation" in docs/api.md).
//
// The server decides who may offer: an offer that arrives has won. Changes of descriptions wait in
// one queue, and so do candidates, which never arrive before their description.

import { limit } from "./uplink.js";

export class Connection {
  pc;
  #configuration;
  #publications;
  #on;
  #transceivers = new Map(); // place of a publication -> RTCRtpTransceiver
  #sources = new Map(); // mid -> source, as the peer names them
  #greatestNeg = 0; // of all offers between the two
  #neg; // of the offer that was made or answered last; peers of v1 give it none
  #mayOffer;
  #isV1;
  #share; // of the uplink, in bits a second
  #work = Promise.resolve();
  #restart;
  #repeating;
  #answer = {}; // { neg, time } of the last one
  #isClosed = false;

  // offers: whether this side makes the first offer
  // on: { send(message), changed() }
  constructor(configuration, publications, { offers, isV1 = false }, on) {
    this.#configuration = configuration;
    this.#publications = publications;
    this.#mayOffer = offers;
    this.#isV1 = isV1;
    this.#on = on;
    this.#build();
  }

  get state() {
    return this.pc.connectionState;
  }

  // The audio level of the peer, from 0 to 1.
  get level() {
    const receivers = this.pc.getReceivers().filter(({ track }) => track.kind === "audio");
    const sources = receivers.flatMap((receiver) => receiver.getSynchronizationSources());
    return Math.max(0, ...sources.map(({ audioLevel }) => audioLevel ?? 0));
  }

  // The tracks that the peer sends now: [{ source, track }].
  get media() {
    const isReceived = ({ currentDirection }) =>
      currentDirection === "sendrecv" || currentDirection === "recvonly";
    return this.pc.getTransceivers().filter(isReceived).map(({ mid, receiver: { track } }) => {
      const usual = track.kind === "audio" ? "microphone" : "camera";
      return { source: this.#sources.get(mid) ?? usual, track };
    });
  }

  configure(configuration) {
    this.#configuration = configuration;
    this.pc.setConfiguration(configuration);
  }

  // Sends the tracks that the participant publishes now.
  publish() {
    return this.#inTurn(() => this.#apply());
  }

  // Sends no more than that, in bits a second.
  limit(share) {
    this.#share = share;
    return this.#inTurn(() => this.#limit());
  }

  offered({ sdp, neg, tracks }) {
    return this.#inTurn(async () => {
      if (this.#isRebuiltIn(sdp)) this.#rebuild();
      this.#isV1 = neg === undefined;
      await this.#apply();
      // This rolls back an offer of our own. If its change is still missing, negotiationneeded
      // comes again.
      await this.pc.setRemoteDescription({ type: "offer", sdp });
      this.#mayOffer = true;
      this.#greatestNeg = Math.max(this.#greatestNeg, neg ?? 0);
      this.#neg = neg;
      this.#name(tracks);
      await this.pc.setLocalDescription();
      this.#answer = { neg, time: performance.now() };
      this.#describe(this.pc.localDescription, neg);
      this.#on.changed();
    });
  }

  answered({ sdp, neg, tracks }) {
    return this.#inTurn(async () => {
      const isMeant = (neg ?? this.#neg) === this.#neg;
      if (!isMeant || this.pc.signalingState !== "have-local-offer") return;
      this.#isV1 = neg === undefined;
      if (this.#isRebuiltIn(sdp)) {
        this.#rebuild();
        return;
      }
      await this.pc.setRemoteDescription({ type: "answer", sdp });
      this.#name(tracks);
      await this.#apply();
      this.#on.changed();
    });
  }

  candidate({ candidate }) {
    // It fails if it belongs to a description that was replaced meanwhile.
    return this.#inTurn(() => this.pc.addIceCandidate(candidate ?? undefined).catch(() => {}));
  }

  // Discards a pending negotiation.
  renew() {
    return this.#inTurn(async () => {
      this.#mayOffer = true;
      if (this.pc.signalingState === "have-local-offer") {
        await this.pc.setLocalDescription({ type: "rollback" }); // negotiationneeded comes again
      } else if (this.pc.connectionState !== "connected") {
        this.pc.restartIce();
      }
    });
  }

  // Sends the last descriptions again after so many milliseconds: the server may have refused one,
  // and passes no answer on twice. Of those that it drops unread, an answer is meant that was given
  // after `since`, or any one while there is no connection.
  repeat(wait, since = 0) {
    clearTimeout(this.#repeating);
    this.#repeating = setTimeout(() => this.#inTurn(() => this.#repeat(since)), wait);
  }

  close() {
    this.#isClosed = true;
    this.#dispose();
  }

  #dispose() {
    clearTimeout(this.#restart);
    clearTimeout(this.#repeating);
    this.pc.onconnectionstatechange = this.pc.onnegotiationneeded = this.pc.onicecandidate = null;
    this.pc.close();
  }

  #build() {
    const pc = new RTCPeerConnection(this.#configuration);
    this.pc = pc;
    this.#place();
    if (this.#mayOffer) this.#askForBoth();
    pc.onnegotiationneeded = () => this.#inTurn(() => this.#offer());
    pc.onicecandidate = ({ candidate }) => {
      if (candidate) this.#on.send({ type: "candidate", candidate, neg: this.#neg });
    };
    pc.onconnectionstatechange = () => this.#stateChanged();
  }

  // The peer has made a new connection, and its old one is gone.
  #rebuild() {
    this.#dispose();
    this.#transceivers.clear();
    this.#sources.clear();
    this.#build();
  }

  async #offer() {
    if (!this.#mayOffer || this.pc.signalingState !== "stable") return;
    await this.pc.setLocalDescription();
    this.#greatestNeg += 1;
    this.#neg = this.#greatestNeg;
    this.#describe(this.pc.localDescription, this.#neg);
  }

  // An offer of our own is refused while the answer to the one before it is missing.
  #repeat(since) {
    const { currentLocalDescription: current, pendingLocalDescription: pending } = this.pc;
    const { neg, time } = this.#answer;
    const isMeant = time >= since || this.state !== "connected";
    if (current?.type === "answer" && isMeant) this.#describe(current, neg);
    if (pending?.type === "offer") this.#describe(pending, this.#neg);
  }

  #describe({ type, sdp }, neg) {
    this.#on.send({ type, sdp, neg, tracks: this.#labels() });
  }

  #labels() {
    const labels = [];
    for (const [place, { mid }] of this.#transceivers) {
      const publication = this.#publications.places.get(place);
      if (mid !== null && publication) labels.push({ mid, source: publication.source });
    }
    return labels;
  }

  #name(tracks) {
    this.#sources = new Map((tracks ?? []).map(({ mid, source }) => [mid, source]));
  }

  // An offer has sections for the audio and video of the other side.
  #askForBoth() {
    for (const kind of ["audio", "video"]) {
      const has = this.pc.getTransceivers().some(({ receiver }) => receiver.track.kind === kind);
      if (!has) this.pc.addTransceiver(kind, { direction: "recvonly" });
    }
  }

  get #wanted() {
    const { places, placesForV1, isPermitted } = this.#publications;
    if (!isPermitted) return new Map();
    return this.#isV1 ? placesForV1 : places;
  }

  async #apply() {
    await this.#place();
    await this.#limit();
  }

  // Makes the transceivers send the published tracks; negotiationneeded follows if that is needed.
  async #place() {
    const wanted = this.#wanted;
    for (const [place, transceiver] of this.#transceivers) {
      if (!wanted.has(place) && transceiver.sender.track) {
        transceiver.direction = transceiver.direction === "sendonly" ? "inactive" : "recvonly";
        await transceiver.sender.replaceTrack(null);
      }
    }
    for (const [place, { track, stream }] of wanted) {
      const transceiver = this.#transceivers.get(place);
      if (transceiver) {
        if (track) transceiver.direction = SENDING[transceiver.direction];
        if (transceiver.sender.track !== track) await transceiver.sender.replaceTrack(track);
      } else if (track) {
        this.#transceivers.set(place, this.#add(place, track, stream));
      }
    }
  }

  async #limit() {
    if (this.#share === undefined) return;
    const wanted = this.#wanted;
    const places = [...this.#transceivers].filter(([place]) => wanted.has(place));
    const sending = places.map(([place, { sender }]) => ({ ...wanted.get(place), sender }));
    await limit(sending, this.#share);
  }

  // A screen has a media section of its own in either direction. Where both sides share one,
  // browsers may show nothing of a screen that is shared again after offers have crossed.
  #add(place, track, stream) {
    if (place.startsWith("screen")) {
      return this.pc.addTransceiver(track, { direction: "sendonly", streams: [stream] });
    }
    const sender = this.pc.addTrack(track, stream);
    return this.pc.getTransceivers().find((each) => each.sender === sender);
  }

  #isRebuiltIn(sdp) {
    const before = this.pc.currentRemoteDescription;
    return before !== null && fingerprint(before.sdp) !== fingerprint(sdp);
  }

  // ICE is restarted for a failed connection, and for one that stays interrupted for a while.
  #stateChanged() {
    clearTimeout(this.#restart);
    if (this.state === "failed") this.pc.restartIce();
    if (this.state === "disconnected") {
      this.#restart = setTimeout(() => this.pc.restartIce(), INTERRUPTED_MS);
    }
    this.#on.changed();
  }

  // Changes descriptions one at a time. A failed change does not prevent the next one.
  #inTurn(change) {
    const unlessClosed = () => (this.#isClosed ? undefined : change());
    this.#work = this.#work.then(unlessClosed).catch((error) => {
      if (!this.#isClosed) console.warn("negotiation failed", error);
    });
    return this.#work;
  }
}

function fingerprint(sdp) {
  return /^a=fingerprint:(.*)$/m.exec(sdp)?.[1].trim().toUpperCase();
}

// The direction of a transceiver that sends again.
const SENDING = {
  sendrecv: "sendrecv", recvonly: "sendrecv", sendonly: "sendonly", inactive: "sendonly",
};
const INTERRUPTED_MS = 4000;
