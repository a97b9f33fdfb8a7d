// The view of a call.

import { Chat } from "./chat.js";
import { Controls } from "./controls.js";
import { Details } from "./details.js";
import { reasonOf } from "./devices.js";
import { element, notify, relabel } from "./dom.js";
import { Invitation } from "./invitation.js";
import { Management } from "./management.js";
import { Outgoing } from "./outgoing.js";
import { Quality } from "./quality.js";
import { Settings } from "./settings.js";
import { Stage } from "./stage.js";
import { TopBar } from "./top-bar.js";
import { Voice } from "./voice.js";
import { say, sayReason } from "./words.js";

// call: { participant, devices, name, invitation, host }, with a host for the creator alone
// on: { switched(off) with what the participant has switched off, doubted(doubt) of the invitation,
//   ended(detail) }
export function callView({ participant, devices, name, invitation, host }, on) {
  const dialogs = {
    invitation: new Invitation(invitation),
    details: new Details(participant),
    management: new Management(participant, host),
  };
  const openInvitation = () => dialogs.invitation.open();
  const alone = element("div", { className: "alone" },
    element("h2", {}, say("alone")),
    element("p", {}, say("aloneHint")),
    element("button", { className: "primary", onclick: openInvitation }, say("invite")),
  );
  const voice = new Voice(() => notify(say("unheard")));
  const stage = new Stage(participant, voice, alone);
  const top = new TopBar(participant, {
    invitation: openInvitation,
    details: () => dialogs.details.open(),
    management: () => dialogs.management.open(),
  });
  const controls = new Controls();
  const outgoing = new Outgoing(participant, devices, {
    changed: () => showSelf(),
    lost: (kind) => notify(say(`${kind}Lost`)),
    back: (kind, label) => notify(say(`${kind}Back`, { label })),
  });
  const settings = new Settings(outgoing, {
    choose: (kind, id) =>
      tryTo(() => (kind === "speaker" ? stage.hearWith(id) : outgoing.choose(kind, id))),
    uplink: (bitsPerSecond) => participant.limitUplink(bitsPerSecond),
  });
  const chat = new Chat(participant, name, {
    onClose() {
      showChat(false);
      // The button that had the focus is hidden.
      controls.chat.focus();
    },
    onUnread: () => controls.showUnread(true),
  });

  function showSelf() {
    const { camera, microphone, screen, isMuted } = outgoing;
    voice.use(microphone);
    stage.showSelf({ name, camera, screen, isMuted });
    controls.show({ isMuted, hasCamera: camera !== undefined, isSharing: screen !== undefined });
    on.switched(outgoing.off);
  }

  function showOthers() {
    alone.hidden = participant.peers.size > 0;
    top.show();
    dialogs.management.showPeople();
  }

  function showChat(isShown) {
    chat.toggle(isShown);
    controls.chat.ariaPressed = String(isShown);
    controls.showUnread(false);
  }

  controls.microphone.onclick = () => tryTo(() => outgoing.toggleMicrophone());
  controls.camera.onclick = () => tryTo(() => outgoing.toggleCamera());
  controls.screen.onclick = () => share(outgoing);
  controls.chat.onclick = () => showChat(chat.node.hidden);
  controls.settings.onclick = () => settings.open();
  controls.leave.onclick = () => participant.leave();
  if (host) relabel(controls.leave, "leave", say("leaveAsCreator"));

  let closing;
  let mayPublish = true;
  let mayModerate = participant.permissions.moderate;
  function showPermissions() {
    const { message, publish, moderate } = participant.permissions;
    chat.permit(message);
    if (publish !== mayPublish) notify(say(publish ? "maySend" : "mayNotSend"));
    mayPublish = publish;
    // The creator manages the room by the token of the login, whatever is permitted.
    if (host) return;
    if (moderate !== mayModerate) notify(say(moderate ? "mayManage" : "mayNotManage"));
    mayModerate = moderate;
    top.permit(moderate);
    if (!moderate) dialogs.management.close();
  }

  listen(participant, {
    peerjoined({ peer }) {
      stage.showPeer(peer);
      showOthers();
      notify(say("joinedNotice", { name: peer.name }));
    },
    peerchanged({ peer }) {
      stage.showPeer(peer);
      dialogs.management.showPeople();
    },
    peerleft({ peer, reason }) {
      stage.removePeer(peer);
      showOthers();
      notify(say("leftNotice", { name: peer.name }));
      // Nothing tells the creator whether a moderator or the operator has kicked or banned.
      if (!host || reason !== "kicked" || host.hasRemoved(peer.id)) return;
      const doubt = say("removedByOther", { name: peer.name });
      notify(doubt);
      on.doubted(doubt);
    },
    permissionschanged: showPermissions,
    roomchanged() {
      top.show();
      dialogs.management.roomChanged();
    },
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
  const quality = new Quality();
  const measuring = setInterval(async () => {
    const measured = await quality.measure(participant.peers);
    stage.showRoutes(measured);
    dialogs.details.show(measured);
  }, MEASURED_EVERY_MS);

  outgoing.start();
  if (devices.reason) notify(`${say(`mode${devices.mode}`)} ${sayReason(devices.reason)}`);
  showPermissions();
  for (const peer of participant.peers.values()) stage.showPeer(peer);
  showOthers();
  const shown = [...Object.values(dialogs), settings].map(({ node }) => node);
  const node = element("div", { className: "call" },
    top.node,
    element("div", { className: "room" }, stage.node, chat.node),
    controls.node,
    ...shown,
  );
  const close = () => {
    clearInterval(measuring);
    top.close();
    stage.close();
    voice.close();
    settings.close();
    outgoing.close();
  };
  return { node, close, openInvitation, invite: (changed) => dialogs.invitation.show(changed) };
}

async function share(outgoing) {
  try {
    await outgoing.toggleScreen();
  } catch (error) {
    if (error.name !== "NotAllowedError") notify(say("shareFailed"));
  }
}

async function tryTo(change) {
  try {
    await change();
  } catch (error) {
    notify(sayReason(reasonOf(error)));
  }
}

function listen(participant, handlers) {
  for (const [type, handler] of Object.entries(handlers)) {
    participant.addEventListener(type, ({ detail }) => handler(detail));
  }
}

const MEASURED_EVERY_MS = 2000;
