// What a moderator may do in a room: what its creator does by requests, but by messages of the call.

export class Moderator {
  #participant;

  constructor(participant) {
    this.#participant = participant;
  }

  // The participant may come back with the link or the password.
  remove(id) {
    return this.#ask("kick", id, "peerleft", (left) => isKicked(left, id));
  }

  // The password and the link are void then, until the creator renews them.
  ban(id) {
    return this.#ask("ban", id, "peerleft", (left) => isKicked(left, id));
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
      const answer = (settle, value) => {
        answered.abort();
        clearTimeout(timer);
        settle(value);
      };
      const listen = (type, listener) => this.#participant.addEventListener(
        type, ({ detail }) => listener(detail), { signal: answered.signal });
      const timer = setTimeout(() => answer(reject, UNANSWERED), ANSWERED_WITHIN_MS);
      listen(effect, (detail) => isEffect(detail) && answer(resolve));
      const req = this.#participant.moderate(action, about);
      listen("refused", (error) => isRefusal(error, req) && answer(reject, error));
      // The message or its effect may be among those that were lost.
      listen("status", ({ lossy }) => lossy && answer(reject, UNANSWERED));
    });
  }
}

// Somebody who leaves by chance at the same time is neither removed nor banned.
function isKicked({ peer, reason }, id) {
  return peer.id === id && reason === "kicked";
}

// The server drops messages over the rate before it reads them, so it names none of them.
function isRefusal({ code, about, req: refused }, req) {
  const isUnread = code === "rate_limited" && about === undefined && refused === undefined;
  return refused === req || isUnread;
}

const UNANSWERED = { code: "unanswered" };
const ANSWERED_WITHIN_MS = 10_000;
