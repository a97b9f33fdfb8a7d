// Where the page is served: at the root of a server, or below a path of its proxy.

export const ROOT = new URL("../../", import.meta.url).href;

export function joinLink(roomId, inviteToken) {
  return `${ROOT}join/${roomId}#${inviteToken}`;
}
