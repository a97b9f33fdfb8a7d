// The view of a call.

import { Chat } from "./chat.js";
import { reasonOf } from "./devices.js";
import { element, icon, iconButton, notify, relabel } from "./dom.js";
import { invitationDialog } from "./invitation.js";
import { Outgoing } from "./outgoing.js";
import { Stage } from "./stage.js";
import { say } from "./words.js";

// call: { participant, devices, name, invitation, isCreator }; on: { ended(detail) }
export function callView({ participant, devices, name, invitation, isCreator }, on) {
  const dialog = invitationDialog(invitation);
  const openInvitation = () => dialog.showModal();
  const alone = element("div", { className: "alone" },
    element("h2", {}, say("alone")),
    element("p", {}, say("aloneHint")),
    element("button", { className: "primary", onclick: openInvitation }, say("invite")),
  );
  const stage = new Stage(participant, alone);
  const top = new TopBar(participant, openInvitation);
  const controls = new Controls();
  const outgoing = new Outgoing(participant, devices, () => showSelf());
  const chat = new Chat(participant, name, {
    onClose: () => showChat(false),
    onUnread: () => controls.chat.classList.add("unread"),
  });

  function showSelf() {
    const { camera, screen, isMuted } = outgoing;
    stage.showSelf({ name, camera, screen, isMuted });
    controls.show({ isMuted, hasCamera: camera !== undefined, isSharing: screen !== undefined });
  }

  function showOthers() {
    alone.hidden = participant.peers.size > 0;
    top.show();
  }

  function showChat(isShown) {
    chat.toggle(isShown);
    controls.chat.ariaPressed = String(isShown);
    controls.chat.classList.remove("unread");
  }

  const tryTo = async (toggle) => {
    try {
      await toggle();
    } catch (error) {
      notify(say(`reason${reasonOf(error)}`));
    }
  };
  const shareScreen = async () => {
    try {
      await outgoing.toggleScreen();
    } catch (error) {
      if (error.name !== "NotAllowedError") notify(say("shareFailed"));
    }
  };
  controls.microphone.onclick = () => tryTo(() => outgoing.toggleMicrophone());
  controls.camera.onclick = () => tryTo(() => outgoing.toggleCamera());
  controls.screen.onclick = shareScreen;
  controls.chat.onclick = () => showChat(chat.node.hidden);
  controls.leave.onclick = () => participant.leave();
  if (isCreator) relabel(controls.leave, "leave", say("leaveAsCreator"));

  let closing;
  listen(participant, {
    peerjoined({ peer }) {
      stage.showPeer(peer);
      showOthers();
      notify(say("joinedNotice", { name: peer.name }));
    },
    peerchanged({ peer }) {
      stage.showPeer(peer);
    },
    peerleft({ peer }) {
      stage.removePeer(peer);
      showOthers();
      notify(say("leftNotice", { name: peer.name }));
    },
    roomchanged: () => top.show(),
    status({ status }) {
      top.warn(status === "reconnecting");
    },
    closing(detail) {
      closing = detail;
    },
    ended({ code }) {
      on.ended({ code, closing });
    },
  });

  outgoing.start();
  for (const peer of participant.peers.values()) stage.showPeer(peer);
  showOthers();
  const node = element("div", { className: "call" },
    top.node,
    element("div", { className: "room" }, stage.node, chat.node),
    controls.node,
    dialog,
  );
  const close = () => {
    stage.close();
    outgoing.close();
  };
  return { node, close, openInvitation };
}

class TopBar {
  #participant;
  #title = element("h1");
  #count = element("span", { className: "count" });
  #warning = element("p", { className: "warning", role: "status" });

  constructor(participant, openInvitation) {
    this.#participant = participant;
    const label = element("span", {}, say("invite"));
    const invite = element("button", { className: "secondary invite", onclick: openInvitation },
      icon("invite"), label);
    invite.ariaLabel = say("invitation");
    this.node = element("header", { className: "top" },
      element("div", { className: "titles" }, this.#title, this.#count), invite, this.#warning);
    this.#warning.hidden = true;
  }

  show() {
    const { room, peers } = this.#participant;
    this.#title.textContent = room.name;
    this.#count.textContent = `${room.id} · ${say("people", peers.size + 1)}`;
    document.title = room.name;
  }

  warn(isReconnecting) {
    if (!isReconnecting && !this.#warning.hidden) notify(say("reconnected"));
    this.#warning.textContent = isReconnecting ? say("reconnecting") : "";
    this.#warning.hidden = !isReconnecting;
  }
}

class Controls {
  microphone = iconButton("microphone", say("mute"), { className: "round", id: "microphone" });
  camera = iconButton("camera", say("cameraStop"), { className: "round", id: "camera" });
  screen = iconButton("screen", say("share"), { className: "round", id: "screen" });
  chat = iconButton("chat", say("chat"), { className: "round", id: "chat", ariaPressed: "false" });
  leave = iconButton("leave", say("leave"), { className: "round danger", id: "leave" });

  constructor() {
    this.screen.hidden = !navigator.mediaDevices?.getDisplayMedia;
    this.node = element("nav", { className: "controls" },
      this.microphone, this.camera, this.screen, this.chat, this.leave);
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

function listen(participant, handlers) {
  for (const [type, handler] of Object.entries(handlers)) {
    participant.addEventListener(type, ({ detail }) => handler(detail));
  }
}
