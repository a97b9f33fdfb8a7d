// The last messages of a participant, bounded in bytes and in number.

const MOST_MESSAGES = 500;
const MOST_CHARACTERS = 256 * 1024;

export class Backlog {
  #texts = [];
  #characters = 0;

  push(text) {
    this.#texts.push(text);
    this.#characters += text.length;
    while (this.#texts.length > MOST_MESSAGES || this.#characters > MOST_CHARACTERS) {
      this.#characters -= this.#texts.shift().length;
    }
  }

  // The last messages, or as many as there are.
  last(count) {
    return count > 0 ? this.#texts.slice(-count) : [];
  }

  // Returns all messages and removes them.
  take() {
    const texts = this.#texts;
    this.#texts = [];
    this.#characters = 0;
    return texts;
  }
}
