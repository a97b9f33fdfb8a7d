// The view while the page enters a room again.

import { element } from "./dom.js";
import { say } from "./words.js";

export function waitingView(roomId, onLeave) {
  const leave = element("button", { className: "secondary", onclick: onLeave }, say("leave"));
  return element("div", { className: "ended waiting" },
    element("div", { className: "card" },
      element("p", { className: "room-id" }, say("roomOf", { room: roomId })),
      element("h1", {}, say("joining")),
      element("div", { className: "actions" }, leave),
    ),
  );
}
