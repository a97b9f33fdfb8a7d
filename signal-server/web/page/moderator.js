// What a moderator may do in a room: what its creator does by requests, but by messages of the call.

export class Moderator {
  #participant;

  constructor(participant) {
    this.#participant = participant;
  }

  // The participant may come back with the link or the password.
  remove(id) {
    return this.#ask("kick", id, "peerleft", ({ peer }) => peer.id === id);
  }

  // The password and the link are void then, until the creator renews them.
  ban(id) {
    return this.#ask("ban", id, "peerleft", ({ peer }) => peer.id === id);
  }

  lock(isLocked) {
    const action = isLocked ? "lock" : "unlock";
    return this.#ask(action, undefined, "roomchanged",
      () => this.#participant.room.locked === isLocked);
  }

  close() {
    return this.#ask("close", undefined, "ended", () => true);
  }

  // A message that succeeds has no answer but its effect, which everybody sees.
  #ask(action, about, effect, isEffect) {
    return new Promise((resolve, reject) => {
      const answered = new AbortController();
      const { signal } = answered;
      const answer = (settle, value) => {
        answered.abort();
        settle(value);
      };
      this.#participant.addEventListener(effect, ({ detail }) => {
        if (isEffect(detail)) answer(resolve);
      }, { signal });
      this.#participant.addEventListener("refused", ({ detail }) => {
        if (detail.about === about) answer(reject, detail);
      }, { signal });
      this.#participant.moderate(action, about);
    });
  }
}
