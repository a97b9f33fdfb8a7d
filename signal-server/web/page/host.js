// What the creator of a room may do in it, with the access token of the login.

import { accessToken, forgetToken, refusesToken } from "./access.js";
import { joinLink } from "./place.js";

export class Host {
  #client;
  #roomId;
  #invitationChanged;
  #removed = new Set(); // the ids of those whom the creator has removed
  #bans = 0; // under way or just done

  // invitationChanged(invitation): the room has a new password and link
  constructor(client, roomId, invitationChanged) {
    this.#client = client;
    this.#roomId = roomId;
    this.#invitationChanged = invitationChanged;
  }

  show() {
    return this.#ask((token) => this.#client.showRoom(token, this.#roomId));
  }

  async change(changes) {
    const room = await this.#ask((token) => this.#client.changeRoom(token, this.#roomId, changes));
    if (room.password) this.#invitationChanged(invitationTo(room));
    return room;
  }

  // A ban removes all seats of a user, whose ids only the server knows.
  hasRemoved(participantId) {
    return this.#removed.has(participantId) || this.#bans > 0;
  }

  // The participant may come back with the link or the password.
  async remove(participantId) {
    this.#removed.add(participantId);
    try {
      await this.#ask((token) => this.#client.kick(token, this.#roomId, participantId));
    } catch (error) {
      this.#removed.delete(participantId);
      throw error;
    }
  }

  // The password and the link are new then.
  async ban(participantId) {
    const options = { ban: true };
    this.#bans += 1;
    try {
      const answer = await this.#ask(
        (token) => this.#client.kick(token, this.#roomId, participantId, options));
      this.#invitationChanged(invitationTo({ ...answer, room_id: this.#roomId }));
    } catch (error) {
      this.#bans -= 1;
      throw error;
    }
    // The departures arrive by the socket, perhaps after the answer.
    setTimeout(() => { this.#bans -= 1; }, DEPARTED_WITHIN_MS);
  }

  lock(isLocked) {
    return this.change({ locked: isLocked });
  }

  async close() {
    await this.#ask((token) => this.#client.closeRoom(token, this.#roomId));
  }

  // A login is not opened in the middle of a call. A token that has expired is of no more use.
  async #ask(request) {
    const token = await accessToken({ stays: true });
    try {
      return await request(token);
    } catch (error) {
      if (refusesToken(error)) forgetToken();
      throw error;
    }
  }
}

// The invitation to a room, from an answer of the server that sets its password.
export function invitationTo({ room_id: roomId, password, ...answer }) {
  const link = answer.join_url ?? joinLink(roomId, answer.invite_token);
  return { roomId, link, password };
}

const DEPARTED_WITHIN_MS = 2000;
