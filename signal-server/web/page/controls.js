// The buttons below a call.

import { element, iconButton, relabel } from "./dom.js";
import { say } from "./words.js";

export class Controls {
  microphone = iconButton("microphone", say("mute"), { className: "round", id: "microphone" });
  camera = iconButton("camera", say("cameraStop"), { className: "round", id: "camera" });
  screen = iconButton("screen", say("share"), { className: "round", id: "screen" });
  chat = iconButton("chat", say("chat"), { className: "round", id: "chat", ariaPressed: "false" });
  settings = iconButton("settings", say("settings"), { className: "round", id: "settings" });
  leave = iconButton("leave", say("leave"), { className: "round danger", id: "leave" });

  constructor() {
    this.screen.hidden = !navigator.mediaDevices?.getDisplayMedia;
    this.node = element("nav", { className: "controls", ariaLabel: say("controls") },
      this.microphone, this.camera, this.screen, this.chat, this.settings, this.leave);
  }

  showUnread(isUnread) {
    relabel(this.chat, "chat", say(isUnread ? "chatUnread" : "chat"));
    this.chat.classList.toggle("unread", isUnread);
  }

  show({ isMuted, hasCamera, isSharing }) {
    const microphone = isMuted ? "microphone-off" : "microphone";
    const camera = hasCamera ? "camera" : "camera-off";
    relabel(this.microphone, microphone, say(isMuted ? "unmute" : "mute"));
    relabel(this.camera, camera, say(hasCamera ? "cameraStop" : "cameraStart"));
    relabel(this.screen, "screen", say(isSharing ? "shareStop" : "share"));
    this.microphone.classList.toggle("off", isMuted);
    this.camera.classList.toggle("off", !hasCamera);
    this.screen.classList.toggle("on", isSharing);
  }
}
