// The microphone, camera and screen of this participant, and whether each is on.

import { openCamera, openMicrophone } from "./devices.js";

export class Outgoing {
  microphone;
  camera;
  screen;
  #participant;
  #changed;

  // changed: called when a device was switched or has ended by itself
  constructor(participant, { microphone, camera }, changed) {
    this.#participant = participant;
    this.#changed = changed;
    this.microphone = microphone;
    this.camera = camera;
  }

  // Tells the others what is on.
  start() {
    if (this.camera && !this.camera.enabled) this.#stopCamera();
    this.#tell();
  }

  get isMuted() {
    return !this.microphone?.enabled;
  }

  async toggleMicrophone() {
    if (this.microphone) {
      this.microphone.enabled = !this.microphone.enabled;
    } else {
      this.microphone = await openMicrophone();
      this.#participant.publish("microphone", this.microphone);
    }
    this.#tell();
  }

  // The device is released, so that its light goes out.
  async toggleCamera() {
    if (this.camera) {
      this.#stopCamera();
    } else {
      this.camera = await openCamera();
      this.#participant.publish("camera", this.camera);
    }
    this.#tell();
  }

  async toggleScreen() {
    if (this.screen) {
      this.#stopScreen();
    } else {
      const stream = await navigator.mediaDevices.getDisplayMedia({ video: true, audio: true });
      [this.screen] = stream.getVideoTracks();
      this.screen.contentHint = "detail";
      for (const track of stream.getTracks()) this.#participant.publish("screen", track);
      this.screen.stopWithSound = () => stream.getTracks().forEach((track) => track.stop());
    }
    this.#tell();
  }

  close() {
    this.screen?.stopWithSound();
    this.microphone?.stop();
    this.camera?.stop();
  }

  #stopCamera() {
    this.camera.stop();
    this.camera = undefined;
    this.#participant.pause("camera");
  }

  #stopScreen() {
    this.screen.stopWithSound();
    this.screen = undefined;
    this.#participant.unpublish("screen");
  }

  #tell() {
    const muted = [];
    if (this.isMuted) muted.push("audio");
    if (!this.camera) muted.push("video");
    this.#participant.update({ state: { muted } });
    this.#watch();
    this.#changed();
  }

  // A device that is unplugged, or a screen that is stopped in the browser's own bar.
  #watch() {
    if (this.microphone) this.microphone.onended = () => this.#lost("microphone");
    if (this.camera) this.camera.onended = () => this.#lost("camera");
    if (this.screen) this.screen.onended = () => this.screen && this.toggleScreen();
  }

  #lost(device) {
    this[device] = undefined;
    this.#participant.pause(device);
    this.#tell();
  }
}
