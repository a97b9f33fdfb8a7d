// Elements and icons. Texts of other people become nothing but text nodes.

import { say } from "./words.js";

export function element(name, properties = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (value === undefined) continue;
    if (typeof value === "function") made.addEventListener(key.slice(2), value);
    else if (key in made) made[key] = value;
    else made.setAttribute(key, value);
  }
  made.append(...children.filter((child) => child !== undefined));
  return made;
}

export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  for (const d of ICONS[name]) {
    const path = document.createElementNS(SVG, "path");
    path.setAttribute("d", d);
    svg.append(path);
  }
  return svg;
}

// A button with an icon. Its label is for screen readers and the tooltip.
export function iconButton(name, label, properties) {
  const button = element("button", { type: "button", ...properties }, icon(name));
  relabel(button, name, label);
  return button;
}

export function relabel(button, name, label) {
  button.querySelector("svg").replaceWith(icon(name));
  button.ariaLabel = label;
  button.title = label;
}

let fields = 0;

// An input with its label, and a hint if there is one.
export function field(label, input, hint) {
  fields += 1;
  input.id ||= `field-${fields}`;
  const children = [element("label", { htmlFor: input.id }, label), input];
  if (hint) {
    const id = `${input.id}-hint`;
    input.setAttribute("aria-describedby", id);
    children.push(element("p", { id, className: "hint" }, hint));
  }
  return element("div", { className: "field" }, ...children);
}

// A modal dialog with a title, and a button that closes it.
export function dialog(title, className, ...children) {
  const close = element("button", {
    type: "button", className: "secondary close", onclick: () => made.close(),
  }, say("close"));
  const made = element("dialog", { className, ariaLabel: title },
    element("h2", {}, title),
    ...children,
    element("div", { className: "actions" }, close),
  );
  return made;
}

// Shows a notice for a few seconds, also above a dialog.
export function notify(text) {
  const notice = element("div", { className: "notice" }, text);
  const notices = document.getElementById("notices");
  notices.append(notice);
  notices.hidePopover?.();
  notices.showPopover?.();
  setTimeout(() => notice.remove(), 6000);
}

const SVG = "http://www.w3.org/2000/svg";

const SLASH = "M4 4l16 16";
const ICONS = {
  microphone: ["M12 3a3 3 0 0 0-3 3v5a3 3 0 0 0 6 0V6a3 3 0 0 0-3-3z", "M5.5 11a6.5 6.5 0 0 0 13 0",
    "M12 17.5V21"],
  "microphone-off": ["M15 9.5V6a3 3 0 0 0-5.7-1.3M9 9v2a3 3 0 0 0 4.4 2.6",
    "M5.5 11a6.5 6.5 0 0 0 10.3 5.3M18.5 11a6.4 6.4 0 0 1-.6 2.7", "M12 17.5V21", SLASH],
  camera: ["M4.5 6.5h9a1.5 1.5 0 0 1 1.5 1.5v8a1.5 1.5 0 0 1-1.5 1.5h-9A1.5 1.5 0 0 1 3 16V8a1.5 1.5 " +
    "0 0 1 1.5-1.5z", "M15 10.5l6-3.5v10l-6-3.5"],
  "camera-off": ["M9 6.5h4.5A1.5 1.5 0 0 1 15 8v4.5M15 15.5v.5a1.5 1.5 0 0 1-1.5 1.5h-9A1.5 1.5 0 0 1 " +
    "3 16V8a1.5 1.5 0 0 1 1.2-1.5", "M15 10.5l6-3.5v10l-3-1.8", SLASH],
  screen: ["M4 4.5h16A1.5 1.5 0 0 1 21.5 6v9a1.5 1.5 0 0 1-1.5 1.5H4A1.5 1.5 0 0 1 2.5 15V6A1.5 1.5 0 0 " +
    "1 4 4.5z", "M8.5 20h7", "M12 13V8m-2.3 2.2L12 8l2.3 2.2"],
  chat: ["M5 4.5h14A1.5 1.5 0 0 1 20.5 6v9a1.5 1.5 0 0 1-1.5 1.5h-7L7.5 20v-3.5H5A1.5 1.5 0 0 1 3.5 " +
    "15V6A1.5 1.5 0 0 1 5 4.5z"],
  leave: ["M3 14.2c0-1 .4-1.9 1.2-2.5a13 13 0 0 1 15.6 0c.8.6 1.2 1.5 1.2 2.5v1.3a1 1 0 0 1-1.2 1l-3.2-.7" +
    "a1 1 0 0 1-.8-1v-1.9a12 12 0 0 0-7.6 0v1.9a1 1 0 0 1-.8 1l-3.2.7a1 1 0 0 1-1.2-1z"],
  invite: ["M9.5 11.5a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7z", "M3 19.5a6.5 6.5 0 0 1 13 0",
    "M18.5 8v6m-3-3h6"],
  copy: ["M9 8.5h9.5A1.5 1.5 0 0 1 20 10v9.5a1.5 1.5 0 0 1-1.5 1.5H9a1.5 1.5 0 0 1-1.5-1.5V10A1.5 1.5 0 0 " +
    "1 9 8.5z", "M4 15.5V5a1.5 1.5 0 0 1 1.5-1.5H16"],
  check: ["M5 12.5l4.5 4.5L19 7"],
  send: ["M4 12l16-7-6.5 15-2.7-6.3z", "M10.8 13.7L20 5"],
  close: ["M6 6l12 12M18 6L6 18"],
  settings: ["M4 7h9m5 0h2M4 17h2m5 0h9", "M15.5 9.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5z",
    "M8.5 19.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5z"],
  details: ["M5 19v-4M10 19v-8M15 19V8M20 19V5"],
  manage: ["M12 3l7.5 3v5.5c0 4.5-3.1 7.8-7.5 9.5-4.4-1.7-7.5-5-7.5-9.5V6z", "M9 12l2.2 2.2L15.2 10"],
  direct: ["M4 12h16m-4-4l4 4-4 4M8 8l-4 4 4 4"],
  relayed: ["M3.5 17h5m7 0h5", "M12 19.5a3 3 0 1 0 0-5 3 3 0 0 0 0 5z", "M5 11a9 9 0 0 1 14 0m0-4v4h-4"],
};
