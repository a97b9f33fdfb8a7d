// The microphone, camera and screen of this participant, and whether each is on.

import { openDevice } from "./devices.js";

export class Outgoing {
  microphone;
  camera;
  screen;
  #participant;
  #on;
  #chosen = {}; // "camera" or "microphone" -> the id of the device to use
  #missing = new Map(); // what was unplugged -> whether it was on
  #off; // what the participant has switched off, of "camera" and "microphone"
  #isClosed = false;

  // on: { changed() after a device was switched, lost(kind), back(kind, label) }
  constructor(participant, { microphone, camera, off }, on) {
    this.#participant = participant;
    this.#on = on;
    this.microphone = microphone;
    this.camera = camera;
    this.#off = new Set(off);
    navigator.mediaDevices?.addEventListener("devicechange", this.#devicesChanged);
  }

  // Tells the others what is on.
  start() {
    for (const kind of ["camera", "microphone"]) {
      if (this[kind]) this.#note(kind, this[kind].enabled);
    }
    if (this.camera && !this.camera.enabled) this.#release("camera");
    // One that was unplugged before the call ended without a word.
    for (const kind of ["camera", "microphone"]) {
      if (this[kind]?.readyState === "ended") this.#lost(kind);
    }
    this.#tell();
  }

  // What the participant has switched off, and so nothing but the participant switches on again.
  get off() {
    return [...this.#off];
  }

  get isMuted() {
    return !this.microphone?.enabled;
  }

  // The id of the device in use, or of the one that will be.
  deviceId(kind) {
    return this[kind]?.getSettings().deviceId ?? this.#chosen[kind];
  }

  async toggleMicrophone() {
    if (this.microphone) {
      this.microphone.enabled = !this.microphone.enabled;
    } else {
      await this.#open("microphone");
    }
    this.#note("microphone", !this.isMuted);
    this.#tell();
  }

  // The device is released, so that its light goes out.
  async toggleCamera() {
    if (this.camera) {
      this.#release("camera");
    } else {
      await this.#open("camera");
    }
    this.#note("camera", this.camera !== undefined);
    this.#tell();
  }

  // Uses that device from now on. Phones open one camera at a time, so the one before ends first.
  async choose(kind, deviceId) {
    this.#chosen[kind] = deviceId;
    const before = this[kind];
    if (!before) return;
    const isOn = before.enabled;
    this.#release(kind);
    this.#tell();
    try {
      await this.#open(kind, isOn);
    } finally {
      this.#tell();
    }
  }

  async toggleScreen() {
    if (this.screen) {
      this.#stopScreen();
    } else {
      const stream = await navigator.mediaDevices.getDisplayMedia({ video: true, audio: true });
      // The browser asks for as long as the person thinks, and once for each click.
      if (this.#isClosed || this.screen) {
        stream.getTracks().forEach((track) => track.stop());
        return;
      }
      [this.screen] = stream.getVideoTracks();
      this.screen.contentHint = "detail";
      for (const track of stream.getTracks()) this.#participant.publish("screen", track);
      this.screen.stopWithSound = () => stream.getTracks().forEach((track) => track.stop());
    }
    this.#tell();
  }

  close() {
    this.#isClosed = true;
    navigator.mediaDevices?.removeEventListener("devicechange", this.#devicesChanged);
    this.screen?.stopWithSound();
    this.microphone?.stop();
    this.camera?.stop();
  }

  async #open(kind, isOn = true) {
    this.#missing.delete(kind);
    const track = await openDevice(kind, this.#chosen[kind]);
    if (this.#isClosed || this[kind]) {
      track.stop();
      return;
    }
    track.enabled = isOn;
    this[kind] = track;
    this.#participant.publish(kind, track);
  }

  #release(kind) {
    this[kind].stop();
    this[kind] = undefined;
    this.#participant.pause(kind);
  }

  #stopScreen() {
    this.screen.stopWithSound();
    this.screen = undefined;
    this.#participant.unpublish("screen");
  }

  #note(kind, isOn) {
    if (isOn) this.#off.delete(kind);
    else this.#off.add(kind);
  }

  #tell() {
    if (this.#isClosed) return;
    const muted = [];
    if (this.isMuted) muted.push("audio");
    if (!this.camera) muted.push("video");
    this.#participant.update({ state: { muted } });
    this.#watch();
    this.#on.changed();
  }

  // A device that is unplugged, or a screen that is stopped in the browser's own bar.
  #watch() {
    if (this.microphone) this.microphone.onended = () => this.#lost("microphone");
    if (this.camera) this.camera.onended = () => this.#lost("camera");
    if (this.screen) this.screen.onended = () => this.screen && this.toggleScreen();
  }

  // Another device of the kind takes its place, if there is one.
  async #lost(kind) {
    const isOn = this[kind].enabled;
    this.#release(kind);
    this.#tell();
    if (!(await this.#replace(kind, isOn))) this.#on.lost(kind);
  }

  #devicesChanged = () => {
    for (const [kind, isOn] of this.#missing) this.#replace(kind, isOn);
  };

  async #replace(kind, isOn) {
    try {
      await this.#open(kind, isOn);
    } catch {
      this.#missing.set(kind, isOn);
      return false;
    }
    if (this.#isClosed) return true;
    this.#tell();
    this.#on.back(kind, this[kind].label);
    return true;
  }
}
