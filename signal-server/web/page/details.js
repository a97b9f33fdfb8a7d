// The dialog with the measures of each connection.

import { dialog, element } from "./dom.js";
import { say } from "./words.js";

export class Details {
  #participant;
  #list = element("div", { className: "connections" });
  #measured = new Map();

  constructor(participant) {
    this.#participant = participant;
    this.node = dialog(say("details"), "details", this.#list);
  }

  open() {
    this.node.showModal();
    this.show(this.#measured);
  }

  // measured: by the ids of peers, from Quality
  show(measured) {
    this.#measured = measured;
    if (!this.node.open) return;
    const peers = [...this.#participant.peers.values()].filter(({ id }) => measured.has(id));
    const sections = peers.map(({ id, name }) => section(name, measured.get(id)));
    const nobody = element("p", { className: "hint" }, say("alone"));
    this.#list.replaceChildren(...(sections.length > 0 ? sections : [nobody]));
  }
}

function section(name, { route, roundTripMs, receivedKbps, sentKbps, lossPercent, codecs, size }) {
  const of = (value, unit) => (value === undefined ? "–" : `${value} ${unit}`);
  const rows = [
    [say("route"), route ? say(route) : "–"],
    [say("roundTrip"), of(roundTripMs, "ms")],
    [say("received"), of(receivedKbps, "kbit/s")],
    [say("sent"), of(sentKbps, "kbit/s")],
    [say("loss"), of(lossPercent?.toFixed(1), "%")],
    [say("codecs"), codecs.join(", ") || "–"],
    [say("pictureSize"), size ?? "–"],
  ];
  return element("section", {},
    element("h3", {}, name),
    element("dl", {}, ...rows.map(([label, value]) => element("div", {},
      element("dt", {}, label), element("dd", {}, value)))),
  );
}
