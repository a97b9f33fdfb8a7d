// A participant's stay in a room: the peers, their tracks, and the tracks of this participant.

import { Connection } from "./connection.js";
import { Publications } from "./publications.js";
import { Signaling } from "./signaling.js";

export class Participant extends EventTarget {
  id;
  room; // { id, name, max_participants, expires_at, locked }
  permissions = ALL_BUT_MODERATE; // { message, update, publish, moderate }
  peers = new Map(); // id -> { id, name, isCreator, connected, state, attributes, publish, … }
  status = "entering"; // then "connected" and "reconnecting" by turns, and "ended"
  entered; // resolves once there is a seat, and fails if there is none
  #signaling;
  #publications = new Publications();
  #configuration = {};
  #uplink = USUAL_UPLINK_BPS;
  #ahead = 0; // milliseconds by which the clock of the server is ahead
  #state;
  #asked = 0; // the messages whose refusal is told apart
  #settle;
  #refresh;

  constructor(address, token, tracks = []) {
    super();
    for (const { source, track } of tracks) this.#publications.set(source, track.kind, track);
    this.entered = new Promise((resolve, reject) => (this.#settle = { resolve, reject }));
    this.#signaling = new Signaling(address, token, {
      message: (message) => this.#take(message),
      lost: () => this.#become("reconnecting"),
      end: (code, error) => this.#end(code, error),
    });
  }

  // Milliseconds until the room ends, whatever the clock of this machine says.
  get timeLeftMs() {
    const now = Date.now() + this.#ahead;
    return Math.max(Date.parse(this.room.expires_at) - now, 0);
  }

  // Sends a track to everybody; one of the same source and kind is replaced.
  publish(source, track) {
    this.#publications.set(source, track.kind, track);
    this.#apply();
  }

  // Sends nothing of this source for a while, without a negotiation.
  pause(source) {
    this.#publications.pause(source);
    this.#apply();
  }

  unpublish(source) {
    this.#publications.delete(source);
    this.#apply();
  }

  // Shares so many bits a second among the peers.
  limitUplink(bitsPerSecond) {
    this.#uplink = bitsPerSecond;
    this.#divideUplink();
  }

  // Sends a new name or state to the others.
  update({ name, state }) {
    if (state !== undefined) this.#state = state;
    this.#signaling.send({ type: "update", name, state });
  }

  // Sends a message of the application to one participant, to "room" or to "host". Returns what
  // `refused` repeats.
  send(to, topic, data) {
    return this.#ask({ type: "message", to, topic, data });
  }

  // Kicks or bans a participant, or locks, unlocks or closes the room, if this participant may.
  // Returns what `refused` repeats.
  moderate(action, participantId) {
    return this.#ask({ type: "moderate", action, participant_id: participantId });
  }

  leave() {
    this.#signaling.leave();
  }

  #ask(message) {
    this.#asked += 1;
    const req = `r${this.#asked}`;
    this.#signaling.send({ ...message, req });
    return req;
  }

  #take(message) {
    switch (message.type) {
      case "joined":
        this.#enter(message);
        message.participants.forEach((peer) => this.#meet(peer, { offers: true }));
        this.#become("connected");
        this.#settle.resolve();
        break;
      case "resumed":
        this.#enter(message);
        if (message.participants) this.#compare(message.participants);
        if (message.room) this.#tell("roomchanged");
        this.#become("connected", { lossy: message.replayed === null });
        break;
      case "peer_joined":
        this.#meet(message.participant);
        break;
      case "peer_updated":
        this.#updated(message);
        break;
      case "peer_left":
        this.#left(message.participant_id, message.reason);
        break;
      case "room_updated":
        this.room = message.room;
        this.#tell("roomchanged");
        break;
      case "permissions_updated":
        this.#permit(message.permissions);
        break;
      case "ice_servers":
        this.#configure(message);
        break;
      case "offer":
        this.#offered(message);
        break;
      case "answer":
        this.peers.get(message.from)?.connection?.answered(message);
        break;
      case "candidate":
        this.peers.get(message.from)?.connection?.candidate(message);
        break;
      case "pong":
        this.#setClock(message);
        break;
      case "message":
        this.#tell("message", { from: message.from, topic: message.topic, data: message.data });
        break;
      case "room_closed":
      case "kicked":
        this.#tell("closing", { kind: message.type, code: message.code, reason: message.reason });
        break;
      case "password_attempts":
        this.#tell("passwordattempts", {
          left: message.left,
          retryAfterMs: message.retry_after_ms,
        });
        break;
      case "error":
        this.#refused(message);
        break;
    }
  }

  #enter(message) {
    this.id = message.participant_id ?? this.id;
    this.room = message.room ?? this.room;
    this.#permit(message.permissions ?? this.permissions);
    this.#setClock(message);
    this.#configure(message);
  }

  // Tells a change, but not what the participant may do from the start.
  #permit(permissions) {
    const before = this.permissions;
    this.permissions = permissions;
    this.#publications.isPermitted = permissions.publish;
    this.#apply();
    const isSame = Object.keys(permissions).every((name) => permissions[name] === before[name]);
    if (this.status !== "entering" && !isSame) this.#tell("permissionschanged");
  }

  #setClock({ server_time: time }) {
    if (time) this.#ahead = Date.parse(time) - Date.now();
  }

  #configure({ ice_servers: iceServers, ice_expires_at: expiresAt, server_time: now }) {
    this.#configuration = { iceServers };
    for (const { connection } of this.peers.values()) connection?.configure(this.#configuration);
    clearTimeout(this.#refresh);
    const life = Date.parse(expiresAt) - (now ? Date.parse(now) : Date.now());
    if (Number.isNaN(life)) return;
    const ask = () => this.#signaling.send({ type: "get_ice_servers" });
    const wait = Math.max(life - REFRESHED_BEFORE_MS, SHORTEST_REFRESH_MS);
    this.#refresh = setTimeout(ask, Math.min(wait, LONGEST_TIMER_MS));
  }

  #meet(described, { offers = false } = {}) {
    const { id } = described;
    const peer = { ...known(described), connection: undefined, hasLeft: false, media: [] };
    this.peers.set(id, peer);
    if (offers) this.#connect(peer, { offers: true });
    this.#tell("peerjoined", { peer });
    return peer;
  }

  #connect(peer, how) {
    peer.connection = new Connection(this.#configuration, this.#publications, how, {
      send: (message) => this.#signaling.send({ ...message, to: peer.id }),
      changed: () => this.#connectionChanged(peer),
    });
    this.#divideUplink();
  }

  #divideUplink() {
    const connections = [...this.peers.values()].map((peer) => peer.connection).filter(Boolean);
    for (const connection of connections) connection.limit(this.#uplink / connections.length);
  }

  #connectionChanged(peer) {
    if (this.peers.get(peer.id) !== peer) return;
    const isOver = ["failed", "closed"].includes(peer.connection.state);
    if (peer.hasLeft && isOver) {
      this.#drop(peer, "lost");
      return;
    }
    showMedia(peer);
    this.#tell("peerchanged", { peer });
  }

  #offered(message) {
    const peer = this.peers.get(message.from);
    if (!peer) return;
    peer.hasLeft = false;
    if (!peer.connection) this.#connect(peer, { isV1: message.neg === undefined });
    peer.connection.offered(message);
  }

  #updated({ participant_id: id, name, state, attributes, publish, connected, lossy }) {
    const peer = this.peers.get(id);
    if (!peer) return;
    if (name !== undefined) peer.name = name;
    if (state !== undefined) peer.state = state;
    if (attributes !== undefined) peer.attributes = attributes;
    if (publish !== undefined) peer.publish = publish;
    if (connected !== undefined) peer.connected = connected;
    showMedia(peer);
    if (lossy) this.#renew(peer);
    this.#tell("peerchanged", { peer });
  }

  // Media goes on without the server: a peer that only lost its socket is kept while its media
  // arrives.
  #left(id, reason) {
    const peer = this.peers.get(id);
    if (!peer) return;
    if (reason === "lost" && peer.connection?.state === "connected") {
      peer.hasLeft = true;
      peer.connected = false;
      this.#tell("peerchanged", { peer });
    } else {
      this.#drop(peer, reason);
    }
  }

  #drop(peer, reason) {
    peer.connection?.close();
    this.peers.delete(peer.id);
    this.#divideUplink();
    this.#tell("peerleft", { peer, reason });
  }

  // After messages were lost, the server names the present participants, and has forgotten our
  // state.
  #compare(present) {
    const ids = new Set(present.map(({ id }) => id));
    for (const peer of this.peers.values()) {
      if (!ids.has(peer.id)) this.#left(peer.id, "lost");
    }
    for (const described of present) {
      const peer = this.peers.get(described.id);
      if (peer) {
        Object.assign(peer, known(described));
        showMedia(peer);
        this.#renew(peer);
        this.#tell("peerchanged", { peer });
      } else {
        this.#meet(described, { offers: this.id < described.id });
      }
    }
    if (this.#state !== undefined) this.#signaling.send({ type: "update", state: this.#state });
  }

  #renew(peer) {
    if (peer.connection) peer.connection.renew();
    else if (this.id < peer.id) this.#connect(peer, { offers: true });
  }

  // After offer_conflict there is nothing to do: the offer that won is here already.
  #refused({ code, message, about, req, retry_after_ms: wait = 1000 }) {
    // Once a message was dropped unread, descriptions may be as well, whatever that one asked for.
    const isUnread = about === undefined;
    const mayBeDescription = code === "rate_limited" && (isUnread || req === undefined);
    if (mayBeDescription && this.status === "connected") this.#repeat(about, wait);
    this.#tell("refused", { code, message, about, req });
  }

  // A refused description counts as never sent. One that was dropped unread may be to anybody, and
  // the server reports that once a second at most.
  #repeat(about, wait) {
    if (about !== undefined) {
      this.peers.get(about)?.connection?.repeat(wait);
      return;
    }
    const since = performance.now() - REPORTED_WITHIN_MS;
    for (const { connection } of this.peers.values()) {
      connection?.repeat(Math.max(wait, REPORTED_EVERY_MS), since);
    }
  }

  #apply() {
    for (const { connection } of this.peers.values()) connection?.publish();
  }

  #become(status, { lossy = false } = {}) {
    this.status = status;
    this.#tell("status", { status, lossy });
  }

  #end(code, error) {
    clearTimeout(this.#refresh);
    for (const { connection } of this.peers.values()) connection?.close();
    this.status = "ended";
    this.#settle.reject(new EntryError(code, error));
    this.#tell("ended", { code, error: error?.code });
  }

  #tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

// The entry failed: with the server's `error`, or since the socket could not be opened.
export class EntryError extends Error {
  constructor(closeCode, error) {
    super(error?.message ?? "the socket cannot be opened");
    this.name = "EntryError";
    this.code = error?.code ?? "unreachable";
    this.closeCode = closeCode;
  }
}

function known(described) {
  const { id, name, is_creator: isCreator, state, attributes } = described;
  const { connected = true, publish = true } = described;
  return { id, name, isCreator, connected, state, attributes, publish };
}

// What a peer sends without the permission is not shown.
function showMedia(peer) {
  peer.media = (peer.publish && peer.connection?.media) || [];
}

const ALL_BUT_MODERATE = { message: true, update: true, publish: true, moderate: false };

const REPORTED_EVERY_MS = 1000;
// A report waits behind all that the server has sent before it.
const REPORTED_WITHIN_MS = 5000;
const USUAL_UPLINK_BPS = 2_500_000;
const REFRESHED_BEFORE_MS = 60_000;
const SHORTEST_REFRESH_MS = 30_000;
const LONGEST_TIMER_MS = 2 ** 31 - 1;
