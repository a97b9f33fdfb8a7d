// The first view: create a room, or join one by its id and password.

import { element, field } from "./dom.js";
import { recallName, rememberName } from "./memory.js";
import { ROOT } from "./place.js";
import { TokenInput } from "./token-input.js";
import { say, sayFailure } from "./words.js";

// on: { create(name, settings), join(roomId, password, name) }
// wayToSignIn: "here", "login" or "token"; see access.js
export function startView({ wayToSignIn, failure }, on) {
  return element("div", { className: "start" },
    element("header", { className: "hero" },
      element("img", { src: `${ROOT}web/icon.svg`, alt: "", className: "logo" }),
      element("h1", {}, say("title")),
      element("p", {}, say("tagline")),
    ),
    failure ? element("p", { className: "problem", role: "alert" }, failure) : undefined,
    element("div", { className: "cards" }, createCard(wayToSignIn, on), joinCard(on)),
  );
}

function createCard(wayToSignIn, on) {
  const name = nameInput();
  const token = new TokenInput(wayToSignIn);
  const roomName = element("input", { maxLength: LONGEST_NAME, placeholder: say("optional") });
  const password = element("input", {
    maxLength: 6, pattern: "[!-~]{6}", autocomplete: "off", title: say("passwordRule"),
    placeholder: say("passwordRandom"),
  });
  const size = element("input", { type: "number", min: 2, max: 50, value: 10 });
  const duration = element("select", {}, ...DURATIONS.map(durationOption));
  const problem = element("p", { className: "problem", role: "alert", hidden: true });
  const submit = element("button", { className: "primary", id: "create" },
    say(wayToSignIn === "login" ? "signInToCreate" : "create"));
  const settings = element("details", {},
    element("summary", {}, say("moreSettings")),
    element("div", { className: "columns" },
      field(say("roomName"), roomName),
      field(say("password"), password, say("passwordRule")),
      field(say("size"), size),
      field(say("duration"), duration),
    ),
  );
  const create = async () => {
    token.take();
    const creator = name.value.trim();
    rememberName(creator);
    const usual = creator ? say("nameOfRoom", { name: creator }) : undefined;
    await on.create(creator, {
      // Without one the server names the room.
      name: roomName.value.trim() || (usual?.length <= LONGEST_NAME ? usual : undefined),
      password: password.value || undefined,
      max_participants: size.valueAsNumber,
      expires_minutes: Number(duration.value),
    });
  };
  return element("form", {
    className: "card",
    onsubmit: (event) => attempt(event, submit, say("creating"), problem, create),
  },
  element("h2", {}, say("createTitle")),
  element("p", { className: "hint" }, say("createHint")),
  field(say("yourName"), name), token.node, settings, problem, submit);
}

function joinCard(on) {
  const room = element("input", {
    required: true, autocomplete: "off", autocapitalize: "characters", spellcheck: false,
    className: "code", maxLength: 64,
  });
  const password = element("input", {
    required: true, autocomplete: "off", spellcheck: false, className: "code", maxLength: 64,
  });
  const name = nameInput();
  const join = (event) => {
    event.preventDefault();
    on.join(room.value.trim(), password.value, name.value.trim());
  };
  return element("form", { className: "card", onsubmit: join },
    element("h2", {}, say("joinTitle")),
    element("p", { className: "hint" }, say("joinHint")),
    element("div", { className: "columns" },
      field(say("roomId"), room),
      field(say("password"), password),
    ),
    field(say("yourName"), name),
    element("button", { className: "secondary", id: "continue" }, say("continue")),
  );
}

export function nameInput() {
  return element("input", {
    value: recallName(), maxLength: LONGEST_NAME, autocomplete: "nickname",
    placeholder: say("namePlaceholder"),
  });
}

// Runs the action of a form, shows progress on its button, and shows an error.
export async function attempt(event, button, doing, problem, action) {
  event.preventDefault();
  const label = button.textContent;
  button.disabled = true;
  button.textContent = doing;
  problem.hidden = true;
  try {
    await action();
  } catch (error) {
    problem.textContent = sayFailure(error);
    problem.hidden = false;
  } finally {
    button.disabled = false;
    button.textContent = label;
  }
}

const LONGEST_NAME = 32;
const DURATIONS = [30, 60, 120, 240, 480, 1440];
const USUAL_DURATION = 120;

function durationOption(minutes) {
  const text = minutes < 60 ? say("minutes", { n: minutes }) : say("hours", minutes / 60);
  return element("option", { value: minutes, selected: minutes === USUAL_DURATION }, text);
}
