// A participant of WebRTC rooms, for browser pages: the reference client of the protocol v2.
// `rooms-client.d.ts` describes its API; the protocol is in docs/api.md.

import { EntryError, Participant } from "./client/participant.js";
import { request, RequestError } from "./client/request.js";

export { EntryError, Participant, RequestError };

// A client of one server.
export class Client {
  #server;
  #language;

  // language: of the server's texts, like "en"; that of the browser by default
  constructor(server = location.origin, { language } = {}) {
    this.#server = server.replace(/\/+$/, "");
    this.#language = language;
  }

  createRoom(accessToken, settings = {}) {
    return this.#ask("POST", this.#rooms(), settings, accessToken);
  }

  showRoom(accessToken, roomId) {
    return this.#ask("GET", this.#rooms(roomId), undefined, accessToken);
  }

  changeRoom(accessToken, roomId, changes) {
    return this.#ask("PATCH", this.#rooms(roomId), changes, accessToken);
  }

  closeRoom(accessToken, roomId) {
    return this.#ask("DELETE", this.#rooms(roomId), undefined, accessToken);
  }

  kick(accessToken, roomId, participantId, { ban = false } = {}) {
    const participant = encodeURIComponent(participantId);
    const path = `${this.#rooms(roomId)}/participants/${participant}?ban=${ban}`;
    return this.#ask("DELETE", path, undefined, accessToken);
  }

  // Joins with the password or an invite token, and takes a seat.
  async join(roomId, { password, inviteToken, name, tracks } = {}) {
    const body = { password, invite_token: inviteToken, display_name: name };
    const ticket = await this.#ask("POST", `${this.#rooms(roomId)}/join`, body);
    return this.enter(roomId, ticket.ws_token, { tracks });
  }

  // Takes a seat with a ws token, or with the access token of the room's creator.
  async enter(roomId, token, { tracks = [] } = {}) {
    const sockets = this.#server.replace(/^http/, "ws");
    const address = `${sockets}/ws/webrtc/rooms/${encodeURIComponent(roomId)}`;
    const participant = new Participant(address, token, tracks);
    await participant.entered;
    return participant;
  }

  #ask(method, url, body, token) {
    return request(method, url, body, { token, language: this.#language });
  }

  #rooms(roomId) {
    const rooms = `${this.#server}/api/webrtc/rooms`;
    return roomId === undefined ? rooms : `${rooms}/${encodeURIComponent(roomId)}`;
  }
}
