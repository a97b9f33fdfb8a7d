// The invitation of a room: its link, its number and its password.

import { copy } from "./copy.js";
import { element, icon, notify } from "./dom.js";
import { say } from "./words.js";

// invitation: { roomId, link, password }, as far as this participant knows them
export function invitationDialog({ roomId, link, password }) {
  const rows = [
    [say("link"), link, "link"],
    [say("roomNumber"), roomId, "code"],
    [say("password"), password, "code"],
  ].filter(([, value]) => value).map(row);
  const text = say("invitationText", { link, room: roomId, password });
  const close = () => dialog.close();
  const actions = element("div", { className: "actions" },
    element("button", { type: "button", className: "secondary", onclick: close }, say("close")));
  if (link && password) {
    const all = element("button", { type: "button", className: "primary" }, say("copyAll"));
    all.addEventListener("click", () => copyAndTell(text));
    actions.append(all);
  }
  const dialog = element("dialog", { className: "invitation", ariaLabel: say("invitation") },
    element("h2", {}, say("invitation")),
    element("p", { className: "hint" }, say("invitationHint")),
    element("dl", {}, ...rows),
    actions,
  );
  return dialog;
}

function row([label, value, kind]) {
  const button = element("button", {
    type: "button", className: "round small", title: say("copy"),
    ariaLabel: `${say("copy")}: ${label}`,
  }, icon("copy"));
  button.addEventListener("click", async () => {
    if (!(await copyAndTell(value))) return;
    button.replaceChildren(icon("check"));
    setTimeout(() => button.replaceChildren(icon("copy")), 2000);
  });
  return element("div", {},
    element("dt", {}, label),
    element("dd", {}, element("span", { className: kind }, value), button),
  );
}

async function copyAndTell(text) {
  const isCopied = await copy(text);
  notify(say(isCopied ? "copied" : "copyFailed"));
  return isCopied;
}
