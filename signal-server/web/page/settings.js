// The dialog in which one chooses the devices and the uplink.

import { listDevices } from "./devices.js";
import { dialog, element, field } from "./dom.js";
import { say } from "./words.js";

export class Settings {
  #outgoing;
  #selects = {};
  #fields = {};

  // on: { choose(kind, deviceId), uplink(bitsPerSecond) }
  // kind: "camera", "microphone" or "speaker"
  constructor(outgoing, on) {
    this.#outgoing = outgoing;
    for (const kind of ["camera", "microphone", "speaker"]) {
      const select = element("select", { id: `choose-${kind}` });
      select.addEventListener("change", () => on.choose(kind, select.value));
      this.#selects[kind] = select;
      this.#fields[kind] = field(say(kind), select);
    }
    const uplink = element("select", { id: "choose-uplink" }, ...UPLINKS.map(uplinkOption));
    uplink.addEventListener("change", () => on.uplink(Number(uplink.value)));
    this.node = dialog(say("settings"), "settings",
      ...Object.values(this.#fields), field(say("uplink"), uplink, say("uplinkHint")));
    navigator.mediaDevices?.addEventListener("devicechange", this.#show);
  }

  open() {
    this.#show();
    this.node.showModal();
  }

  close() {
    navigator.mediaDevices?.removeEventListener("devicechange", this.#show);
  }

  #show = async () => {
    const devices = await listDevices();
    const used = {
      camera: this.#outgoing.deviceId("camera"),
      microphone: this.#outgoing.deviceId("microphone"),
      speaker: this.#selects.speaker.value,
    };
    for (const [kind, select] of Object.entries(this.#selects)) {
      const options = devices[kind].map(({ deviceId, label }, place) => element("option", {
        value: deviceId, selected: deviceId === used[kind],
      }, label || `${say(kind)} ${place + 1}`));
      const none = element("option", { value: "", disabled: true }, say("noDevice"));
      select.replaceChildren(...(options.length > 0 ? options : [none]));
    }
    this.#fields.speaker.hidden = !("setSinkId" in HTMLMediaElement.prototype);
  };
}

function uplinkOption(megabits) {
  const text = say("megabits", { n: megabits });
  return element("option", { value: megabits * 1e6, selected: megabits === USUAL_UPLINK }, text);
}

const UPLINKS = [0.5, 1, 2.5, 5, 10];
const USUAL_UPLINK = 2.5;
