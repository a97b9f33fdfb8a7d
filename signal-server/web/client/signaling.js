// The socket to the server. It counts messages in both directions, resumes after a loss, and sends
// missed messages again ("Losing the socket" in docs/api.md).

import { Backlog } from "./backlog.js";

export class Signaling {
  #address;
  #credential;
  #on;
  #socket;
  #isSeated = false;
  #resumeToken;
  #received = 0; // counted messages of the server
  #sentCount = 0; // messages written to a socket since the last snapshot
  #sent = new Backlog(); // the last of those
  #waiting = new Backlog(); // messages that no socket has taken yet
  #failures = 0;
  #pause; // milliseconds, if the server has told how long to wait
  #error; // the last one that refused a socket
  #timer; // of the next socket, or of one that opens
  #heartbeat;
  #hasHeard = false;
  #isLeaving = false; // and only waits for a socket to say so

  // on: { message(message), lost(), end(code, error) }
  constructor(address, token, on) {
    this.#address = address;
    this.#credential = `token.${token}`;
    this.#on = on;
    addEventListener("online", this.#online);
    this.#open();
  }

  send(message) {
    const text = JSON.stringify(message);
    if (this.#isSeated) this.#write(text);
    else this.#waiting.push(text);
  }

  leave() {
    if (!this.#isSeated && this.#resumeToken) {
      this.#leaveLater();
      return;
    }
    if (this.#isSeated) this.send({ type: "leave" });
    this.#end(1000);
  }

  // Whoever has left hears nothing more. The server learns of it by the next socket, if there is one
  // soon.
  #leaveLater() {
    const { end } = this.#on;
    this.#on = DEAF;
    this.#isLeaving = true;
    setTimeout(() => this.#end(1000), LEAVES_WITHIN_MS);
    end(1000);
  }

  #open() {
    const query = this.#resumeToken ? `?v=2&last_seq=${this.#received}` : "?v=2";
    const socket = new WebSocket(this.#address + query, ["rooms", this.#credential]);
    this.#socket = socket;
    this.#error = undefined;
    socket.onmessage = ({ data }) => this.#take(JSON.parse(data));
    socket.onclose = ({ code }) => this.#closed(code);
    // A network that carries nothing keeps it waiting for minutes.
    this.#timer = setTimeout(() => this.#lose(), SEATED_WITHIN_MS);
  }

  #take(message) {
    this.#hasHeard = true;
    if (this.#isSeated) this.#received += 1;
    switch (message.type) {
      case "joined":
        this.#received = 1;
        this.#seat(message, 0);
        break;
      case "resumed":
        this.#received = message.seq - (message.replayed ?? 0);
        this.#seat(message, message.received);
        break;
      case "server_draining":
        this.#pause = message.reconnect_after_ms;
        break;
      case "error":
        if (!this.#isSeated) this.#refused(message);
        break;
    }
    this.#on.message(message);
  }

  // `taken` of the messages sent have reached the server; null where it has forgotten them.
  #seat(message, taken) {
    clearTimeout(this.#timer);
    this.#isSeated = true;
    this.#failures = 0;
    this.#resumeToken = message.resume_token;
    this.#credential = `resume.${message.resume_token}`;
    this.#heartbeat = setInterval(() => this.#check(), HEARTBEAT_MS);
    if (this.#isLeaving) {
      this.leave();
      return;
    }
    const waiting = this.#waiting.take();
    if (taken === null) {
      this.#sentCount = 0;
      this.#sent.take();
      waiting.filter((text) => !isOfNegotiation(text)).forEach((text) => this.#write(text));
      return;
    }
    const missed = this.#sent.last(this.#sentCount - taken);
    missed.forEach((text) => this.#socket.send(text));
    this.#sentCount = taken + missed.length;
    waiting.forEach((text) => this.#write(text));
  }

  #write(text) {
    this.#sentCount += 1;
    this.#sent.push(text);
    this.#socket.send(text);
  }

  #refused(error) {
    this.#error = error;
    this.#pause = error.retry_after_ms;
  }

  // A socket whose other end has vanished looks open for minutes, and pages sleep.
  #check() {
    const socket = this.#socket;
    this.#hasHeard = false;
    this.send({ type: "ping" });
    setTimeout(() => {
      if (this.#isSeated && socket === this.#socket && !this.#hasHeard) this.#lose();
    }, HEARD_WITHIN_MS);
  }

  #lose() {
    this.#abandon();
    this.#closed(1006);
  }

  #online = () => {
    if (this.#isSeated) this.#check();
    else this.#reopen();
  };

  #closed(code) {
    const wasSeated = this.#isSeated;
    this.#isSeated = false;
    clearTimeout(this.#timer);
    clearInterval(this.#heartbeat);
    const mayComeBack = this.#resumeToken || this.#failures < MOST_FIRST_FAILURES;
    if (!COMES_BACK.has(code) || !mayComeBack) {
      this.#end(code, this.#error);
      return;
    }
    if (wasSeated) this.#on.lost();
    const usual = Math.min(FIRST_PAUSE_MS * 2 ** this.#failures, LONGEST_PAUSE_MS);
    this.#failures += 1;
    this.#timer = setTimeout(
      () => this.#reopen(),
      (this.#pause ?? usual) * (1 + Math.random() / 2),
    );
    this.#pause = undefined;
  }

  #reopen() {
    clearTimeout(this.#timer);
    this.#abandon();
    this.#open();
  }

  // Any code but 1000 and 1001 keeps the seat.
  #abandon(code = 4000) {
    const socket = this.#socket;
    socket.onmessage = socket.onclose = null;
    socket.close(code);
  }

  #end(code, error) {
    clearTimeout(this.#timer);
    clearInterval(this.#heartbeat);
    removeEventListener("online", this.#online);
    this.#isSeated = false;
    this.#resumeToken = undefined;
    this.#abandon(1000);
    this.#on.end(code, error);
    this.#on = DEAF;
  }
}

// Negotiations from before a snapshot are void.
function isOfNegotiation(text) {
  return ["offer", "answer", "candidate", "ping"].includes(JSON.parse(text).type);
}

const DEAF = { message() {}, lost() {}, end() {} };

// Close codes of a socket that was lost. 1005 is a close frame without a code.
const COMES_BACK = new Set([1002, 1005, 1006, 1007, 1009, 1011, 1012, 4001, 4008, 4012]);
const MOST_FIRST_FAILURES = 4;
const FIRST_PAUSE_MS = 400;
const LONGEST_PAUSE_MS = 5000;
const HEARTBEAT_MS = 20_000;
const HEARD_WITHIN_MS = 8000;
const SEATED_WITHIN_MS = 10_000;
const LEAVES_WITHIN_MS = 10_000;
