// What the creator of a room may do in it, with the access token of the login.

import { accessToken } from "./access.js";
import { joinLink } from "./place.js";

export class Host {
  #client;
  #roomId;
  #invitationChanged;

  // invitationChanged(invitation): the room has a new password and link
  constructor(client, roomId, invitationChanged) {
    this.#client = client;
    this.#roomId = roomId;
    this.#invitationChanged = invitationChanged;
  }

  async show() {
    return this.#client.showRoom(await accessToken(), this.#roomId);
  }

  async change(changes) {
    const room = await this.#client.changeRoom(await accessToken(), this.#roomId, changes);
    if (room.password) this.#invitationChanged(invitationTo(room));
    return room;
  }

  // The participant may come back with the link or the password.
  async remove(participantId) {
    await this.#client.kick(await accessToken(), this.#roomId, participantId);
  }

  // The password and the link are new then.
  async ban(participantId) {
    const token = await accessToken();
    const answer = await this.#client.kick(token, this.#roomId, participantId, { ban: true });
    this.#invitationChanged(invitationTo({ ...answer, room_id: this.#roomId }));
  }

  lock(isLocked) {
    return this.change({ locked: isLocked });
  }

  async close() {
    await this.#client.closeRoom(await accessToken(), this.#roomId);
  }
}

// The invitation to a room, from an answer of the server that sets its password.
export function invitationTo({ room_id: roomId, password, ...answer }) {
  const link = answer.join_url ?? joinLink(roomId, answer.invite_token);
  return { roomId, link, password };
}
