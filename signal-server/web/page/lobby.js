// The view before a call: a preview of camera and microphone, and the name.

import { element, field } from "./dom.js";
import { Preview } from "./preview.js";
import { attempt, nameInput } from "./start.js";
import { say } from "./words.js";

// entry: { roomId, inviteToken or password, name }; failure: why the page is not in the call
// on: { join(entry, devices), back() }
export function lobbyView(entry, failure, on) {
  const preview = new Preview();
  const name = nameInput();
  if (entry.name) name.value = entry.name;
  const password = element("input", {
    autocomplete: "off", spellcheck: false, className: "code", maxLength: 64,
    value: entry.password ?? "",
  });
  const passwordField = field(say("password"), password);
  passwordField.hidden = entry.inviteToken !== undefined;
  const problem = element("p", { className: "problem", role: "alert", hidden: !failure }, failure ?? "");
  const submit = element("button", { className: "primary", id: "join" }, say("join"));

  const join = async () => {
    await preview.ready;
    const way = passwordField.hidden
      ? { inviteToken: entry.inviteToken }
      : { password: password.value };
    const chosen = { roomId: entry.roomId, ...way, name: name.value.trim() };
    try {
      await on.join(chosen, preview);
    } catch (error) {
      passwordField.hidden &&= error.code !== "invite_void";
      throw error;
    }
  };
  const form = element("form", {
    className: "card",
    onsubmit: (event) => attempt(event, submit, say("joining"), problem, join),
  },
  element("p", { className: "room-id" }, say("roomOf", { room: entry.roomId })),
  element("h1", {}, say("lobbyTitle")),
  field(say("yourName"), name), passwordField, problem, submit,
  element("button", { type: "button", className: "plain", onclick: on.back }, say("back")));
  const node = element("div", { className: "lobby" }, preview.node, form);
  return { node, close: () => preview.close() };
}
