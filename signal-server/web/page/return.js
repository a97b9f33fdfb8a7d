// The view for the creator of a room who could not enter it again right away.

import { element } from "./dom.js";
import { attempt } from "./start.js";
import { TokenInput } from "./token-input.js";
import { say } from "./words.js";

// failure: why; on: { enter(), start() }
// wayToSignIn: "here", "login" or "token"; see access.js
export function returnView({ roomId, wayToSignIn, failure }, on) {
  const token = new TokenInput(wayToSignIn);
  const problem = element("p", { className: "problem", role: "alert" }, failure);
  const label = say(wayToSignIn === "login" ? "signInToReturn" : "return");
  const submit = element("button", { className: "primary", id: "return" }, label);
  const enter = () => {
    token.take();
    return on.enter();
  };
  return element("div", { className: "ended" },
    element("form", {
      className: "card",
      onsubmit: (event) => attempt(event, submit, say("joining"), problem, enter),
    },
    element("p", { className: "room-id" }, say("roomOf", { room: roomId })),
    element("h1", {}, say("returnTitle")),
    problem, token.node, submit,
    element("button", { type: "button", className: "plain", onclick: on.start }, say("newCall"))),
  );
}
