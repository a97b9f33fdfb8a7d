// The picture and the switches of one's own devices before a call.

import { openDevices } from "./devices.js";
import { element, iconButton, relabel } from "./dom.js";
import { say, sayReason } from "./words.js";

export class Preview {
  devices;
  #video = element("video", {
    autoplay: true, muted: true, playsInline: true, className: "mirrored",
  });
  #words = element("p", { className: "hint", role: "status" }, say("looking"));
  #switches = element("div", { className: "switches" });
  #isClosed = false;

  constructor() {
    this.node = element("div", { className: "preview" },
      element("div", { className: "picture" }, this.#video, this.#switches),
      this.#words,
    );
    this.ready = this.#open();
  }

  // Ends the devices, unless the call has taken them over.
  close() {
    this.#isClosed = true;
    this.#video.srcObject = null;
    for (const track of this.#tracks()) track.stop();
  }

  // Hands the devices over to the call.
  take() {
    const { devices } = this;
    this.devices = undefined;
    this.close();
    return devices;
  }

  async #open() {
    this.devices = await openDevices();
    if (this.#isClosed) {
      this.close();
      return;
    }
    const { camera, microphone, mode, reason } = this.devices;
    if (camera) this.#video.srcObject = new MediaStream([camera]);
    const words = reason ? [say(`mode${mode}`), sayReason(reason)] : [say(`mode${mode}`)];
    this.#words.textContent = words.join(" ");
    if (microphone) this.#switches.append(deviceSwitch("microphone", microphone));
    if (camera) this.#switches.append(deviceSwitch("camera", camera));
  }

  #tracks() {
    return [this.devices?.camera, this.devices?.microphone].filter(Boolean);
  }
}

function deviceSwitch(device, track) {
  const [off, on] = device === "camera" ? ["cameraStop", "cameraStart"] : ["mute", "unmute"];
  const button = iconButton(device, say(off), { className: "round" });
  button.addEventListener("click", () => {
    track.enabled = !track.enabled;
    button.classList.toggle("off", !track.enabled);
    relabel(button, track.enabled ? device : `${device}-off`, say(track.enabled ? off : on));
  });
  return button;
}
