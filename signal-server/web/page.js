// The page: from the start, or an invitation, through a call to its end.

import { fragment } from "./page/fragment.js"; // first, so that nothing runs before it
import {
  accessToken, forgetToken, refusesToken, returnFromLogin, wayToSignIn,
} from "./page/access.js";
import { callView } from "./page/call.js";
import { openDevices } from "./page/devices.js";
import { endedView } from "./page/ended.js";
import { Host, invitationTo } from "./page/host.js";
import { lobbyView } from "./page/lobby.js";
import { forget, recall, remember, rememberName } from "./page/memory.js";
import { joinLink, ROOT, roomIdOf } from "./page/place.js";
import { returnView } from "./page/return.js";
import { startView } from "./page/start.js";
import { waitingView } from "./page/waiting.js";
import { LANGUAGE, say, sayFailure } from "./page/words.js";
import { Client } from "./rooms-client.js";

const client = new Client(ROOT, { language: LANGUAGE });
let close = () => {};

document.documentElement.lang = LANGUAGE;
// Another invitation was opened in this tab.
addEventListener("hashchange", () => location.hash && location.reload());
open();

function open() {
  const invitation = readInvitation();
  const loginFailure = invitation ? undefined : returnFromLogin();
  const kept = recall();
  if (loginFailure && kept?.isCreator) {
    // Without a token it would be sent to the login again and again.
    showReturn(kept, say(loginFailure));
  } else if (kept && (!invitation || invitation.roomId === kept.roomId)) {
    reopen(kept, invitation);
  } else if (invitation) {
    showLobby(invitation);
  } else {
    showStart(loginFailure && say(loginFailure));
  }
}

// The room is in the path, and the invite token in the fragment, which no server sees.
function readInvitation() {
  const roomId = /\/join\/([\w.~-]+)\/?$/.exec(location.pathname)?.[1];
  return roomId && { roomId: roomIdOf(roomId), inviteToken: fragment || undefined };
}

// A newer invitation takes the place of the way in which a guest has entered before. If it is
// void, that way still counts.
function reopen(kept, invitation) {
  const token = invitation?.inviteToken;
  if (kept.isCreator || !token || token === kept.inviteToken) return reenter(kept);
  return reenter({ ...kept, password: undefined, inviteToken: token }, kept);
}

async function showStart(failure) {
  document.title = say("title");
  history.replaceState(null, "", ROOT);
  const way = await wayToSignIn();
  show(startView({ wayToSignIn: way, failure }, {
    create: (name, settings) => create(name, settings, way),
    join: (roomId, password, name) => showLobby({ roomId: roomIdOf(roomId), password, name }),
  }));
}

function showLobby(entry, failure) {
  document.title = say("roomOf", { room: entry.roomId });
  const { node, close: closeLobby } = lobbyView(entry, failure, {
    join: (chosen, preview) => enter(chosen, preview.devices, { taken: () => preview.take() }),
    back: () => startAnew(),
  });
  show(node, closeLobby);
}

async function showReturn(entry, failure) {
  const { roomId } = entry;
  document.title = say("roomOf", { room: roomId });
  show(returnView({ roomId, wayToSignIn: await wayToSignIn(), failure }, {
    enter: () => reenter(entry),
    start: () => startAnew(),
  }));
}

function startAnew(failure) {
  forget();
  return showStart(failure);
}

async function create(name, settings, wayToSignIn) {
  const token = await accessToken();
  let created;
  try {
    created = await client.createRoom(token, settings);
  } catch (error) {
    if (!refusesToken(error)) throw error;
    forgetToken();
    // The form asks for a token, unless there was one already.
    if (wayToSignIn !== "here") throw error;
    return showStart(sayFailure(error));
  }
  const invitation = invitationTo(created);
  const entry = { roomId: created.room_id, name, isCreator: true, invitation };
  const devices = await openDevices();
  try {
    const { openInvitation } = await enter({ ...entry, wsToken: created.ws_token }, devices);
    openInvitation();
  } catch (error) {
    stop(devices);
    throw error;
  }
}

// After a reload the page enters the room without asking, in another way where the first is void.
// Whoever leaves meanwhile leaves the seat as soon as there is one.
async function reenter(entry, otherwise) {
  const leaving = new AbortController();
  show(waitingView(entry.roomId, () => {
    leaving.abort();
    end(entry, { code: LEFT });
  }));
  const devices = await openDevices(entry.off);
  try {
    leaving.signal.throwIfAborted();
    await enter(entry, devices, { leaving: leaving.signal });
  } catch (error) {
    stop(devices);
    if (leaving.signal.aborted) return undefined;
    if (otherwise && VOID.includes(error.code)) return reenter(otherwise);
    return cannotReturn(entry, error);
  }
}

// The room stays remembered while it may be entered later in the same way.
function cannotReturn(entry, error) {
  const failure = sayFailure(error);
  if (NO_ROOM.includes(error.code)) return startAnew(failure);
  if (entry.isCreator && refusesToken(error)) {
    forgetToken();
    return showReturn(entry, sayFailure({ code: "unauthorized" }));
  }
  if (entry.isCreator) return showReturn(entry, failure);
  if (VOID.includes(error.code)) forget();
  // The lobby asks for the password in place of an invitation that is void.
  const inviteToken = error.code === "invite_void" ? undefined : entry.inviteToken;
  return showLobby({ ...entry, inviteToken }, failure);
}

async function enter(entry, devices, { taken = () => {}, leaving } = {}) {
  const { roomId, name, isCreator = false } = entry;
  const participant = await takeSeat(entry, devices);
  if (leaving?.aborted) participant.leave();
  leaving?.throwIfAborted();
  taken();
  rememberName(name);
  const { wsToken, ...kept } = entry; // it is good for ten minutes, an invitation for longer
  const keep = (changed) => remember(Object.assign(kept, changed));
  keep({});
  // A login may know no name, or another one than was typed.
  if (isCreator && name) participant.update({ name });
  history.replaceState(null, "", `${ROOT}join/${roomId}`);
  const host = isCreator ? new Host(client, roomId, changeInvitation) : undefined;
  const call = { participant, devices, name, invitation: invitationOf(entry), host };
  const view = callView(call, {
    switched: (off) => keep({ off }),
    doubted: (doubt) => changeInvitation({ ...kept.invitation, doubt }),
    ended: (detail) => (detail.code === SEAT_GONE ? reenter(kept) : end(entry, detail)),
  });
  function changeInvitation(invitation) {
    keep({ invitation });
    view.invite(invitation);
  }
  show(view.node, view.close);
  return view;
}

async function takeSeat({ roomId, wsToken, isCreator, inviteToken, password, name }, devices) {
  const tracks = [];
  if (devices.microphone) tracks.push({ source: "microphone", track: devices.microphone });
  if (devices.camera) tracks.push({ source: "camera", track: devices.camera });
  if (isCreator) return client.enter(roomId, wsToken ?? (await accessToken()), { tracks });
  return client.join(roomId, { inviteToken, password, name, tracks });
}

function invitationOf({ roomId, invitation, inviteToken, password }) {
  if (invitation) return invitation;
  const link = inviteToken && joinLink(roomId, inviteToken);
  return { roomId, link, password };
}

function end(entry, detail) {
  forget();
  const mayReturn = !entry.isCreator && !ROOM_OVER.includes(detail.code);
  show(endedView(detail, {
    start: () => showStart(),
    again: mayReturn ? () => showLobby(entry) : undefined,
  }));
}

function show(node, closing = () => {}) {
  close();
  close = closing;
  const page = document.getElementById("page");
  page.replaceChildren(node);
  page.focus({ preventScroll: true });
}

function stop({ microphone, camera }) {
  microphone?.stop();
  camera?.stop();
}

const LEFT = 1000;
const SEAT_GONE = 4510;
const ROOM_OVER = [4503, 4511];
const NO_ROOM = ["room_not_found", "room_expired", "room_closed"];
const VOID = ["invite_void", "wrong_password", "token_invalid"];
