// The text chat: messages to everybody in the room.

import { element, icon } from "./dom.js";
import { say, sayTime } from "./words.js";

const TOPIC = "chat";
const LONGEST = 2000;
const MOST_SHOWN = 500;
const REPORTED_EVERY_MS = 1000;

export class Chat {
  #participant;
  #name;
  #log = element("ol", { className: "messages" });
  #input = element("input", {
    maxLength: LONGEST, autocomplete: "off", ariaLabel: say("message"),
  });
  #sent = []; // { req, time, item, isDoubted } of the last own messages
  #doubtedUntil = 0; // when the server has dropped a message and may drop more silently
  #send = element("button", {
    className: "round primary", ariaLabel: say("send"),
  }, icon("send"));

  // name: this participant's; onUnread: called for messages that arrive while the chat is hidden
  constructor(participant, name, { onClose, onUnread }) {
    this.#participant = participant;
    this.#name = name;
    const close = element("button", {
      type: "button", className: "round small", ariaLabel: say("close"), onclick: onClose,
    }, icon("close"));
    this.node = element("aside", { className: "chat", ariaLabel: say("chat"), hidden: true },
      element("header", {}, element("h2", {}, say("chat")), close),
      element("p", { className: "hint" }, say("chatEmpty")),
      element("div", { className: "log", role: "log", tabIndex: 0 }, this.#log),
      element("form", { onsubmit: (event) => this.#submit(event) }, this.#input, this.#send),
    );
    participant.addEventListener("message", ({ detail: { from, topic, data } }) => {
      if (topic !== TOPIC || typeof data?.text !== "string") return;
      const sender = participant.peers.get(from)?.name ?? from;
      this.#show(sender, data.text.slice(0, LONGEST), false);
      if (this.node.hidden) onUnread();
    });
    participant.addEventListener("refused", ({ detail }) => this.#refused(detail));
    participant.addEventListener("status", ({ detail: { lossy } }) => {
      if (lossy) this.#append(element("li", {}, element("p", { className: "hint" }, say("chatLossy"))));
    });
  }

  toggle(isShown) {
    this.node.hidden = !isShown;
    if (isShown) this.#input.focus();
  }

  // Whether this participant may send.
  permit(mayMessage) {
    this.#input.disabled = this.#send.disabled = !mayMessage;
    this.#input.placeholder = say(mayMessage ? "message" : "mayNotMessage");
  }

  #submit(event) {
    event.preventDefault();
    const text = this.#input.value.trim();
    if (!text) return;
    const req = this.#participant.send("room", TOPIC, { text });
    const item = this.#show(this.#name || say("you"), text, true);
    const sent = { req, time: performance.now(), item, isDoubted: false };
    this.#sent.push(sent);
    this.#sent = this.#sent.slice(-MOST_SHOWN);
    if (sent.time < this.#doubtedUntil) this.#doubt(sent);
    this.#input.value = "";
  }

  // The server reports one of the messages that it drops unread in a second, and no other one.
  #refused({ code, about, req }) {
    const isUnread = code === "rate_limited" && about === undefined;
    const now = performance.now();
    if (isUnread) this.#doubtedUntil = now + REPORTED_EVERY_MS;
    for (const sent of this.#sent) {
      if (req !== undefined && sent.req === req) this.#mark(sent.item, this.#sayRefusal(code, about));
      else if (isUnread && sent.time >= now - REPORTED_EVERY_MS) this.#doubt(sent);
    }
  }

  #doubt(sent) {
    if (!sent.isDoubted) this.#mark(sent.item, say("chatDropped"));
    sent.isDoubted = true;
  }

  #sayRefusal(code, about) {
    const peer = this.#participant.peers.get(about);
    if (peer) return say("chatRefusedFor", { name: peer.name });
    return say(code === "forbidden" ? "mayNotMessage" : "chatRefused");
  }

  #mark(item, text) {
    item.append(element("p", { className: "problem" }, text));
    item.scrollIntoView({ block: "nearest" });
  }

  #show(sender, text, isOwn) {
    const item = element("li", { className: isOwn ? "own" : "" },
      element("span", { className: "sender" }, sender, " ", element("time", {}, sayTime(new Date()))),
      element("p", {}, text),
    );
    this.#append(item);
    return item;
  }

  #append(item) {
    this.#log.append(item);
    while (this.#log.childElementCount > MOST_SHOWN) this.#log.firstChild.remove();
    this.#log.lastChild.scrollIntoView({ block: "nearest" });
  }
}
