// The view after a call: how it ended, and the way back.

import { element } from "./dom.js";
import { say } from "./words.js";

// detail: { code, closing } of the end; on: { start(), again() } where one may come back
export function endedView(detail, on) {
  const again = element("button", { className: "primary", onclick: on.again }, say("joinAgain"));
  const className = on.again ? "secondary" : "primary";
  const start = element("button", { className, onclick: on.start }, say("newCall"));
  return element("div", { className: "ended" },
    element("div", { className: "card" },
      element("h1", {}, say(reason(detail))),
      element("div", { className: "actions" }, start, on.again ? again : undefined),
    ),
  );
}

function reason({ code, closing }) {
  if (closing?.kind === "kicked") return "endedRemoved";
  switch (closing?.code) {
    case "closed_by_creator":
      return "endedClosed";
    case "expired":
      return "endedExpired";
    case "admin":
      return "endedAdmin";
  }
  switch (code) {
    case 1000:
      return "endedLeft";
    case 4503:
      return "endedClosed";
    case 4509:
      return "endedReplaced";
    case 4511:
      return "endedRemoved";
    default:
      return "endedRefused";
  }
}
