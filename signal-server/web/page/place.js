// Where the page is served: at the root of a server, or below a path of its proxy.

export const ROOT = new URL("../../", import.meta.url).href;

// The room id that was typed or is in a link: a generated one is shown in upper case, and one that
// was chosen is kept as it is.
export function roomIdOf(text) {
  const generated = text.normalize("NFKC").toUpperCase();
  return GENERATED.test(generated) ? generated : text;
}

export function joinLink(roomId, inviteToken) {
  return `${ROOT}join/${roomId}#${inviteToken}`;
}

// Without look-alikes.
const GENERATED = /^[2-9A-HJKMNP-Z]{6}$/;
