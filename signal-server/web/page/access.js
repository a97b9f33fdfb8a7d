// The access token that creating a room needs. It stays in memory.

import { RequestError } from "../rooms-client.js";

let pasted;

export function paste(token) {
  pasted = token.trim();
}

// Whether the server gives this page an access token, as it does in development.
export async function signsIn() {
  return (await ask()) !== undefined;
}

export async function accessToken() {
  const token = pasted || (await ask());
  if (!token) throw new RequestError("unauthorized", "there is no access token", { status: 401 });
  return token;
}

async function ask() {
  const response = await fetch("/web/access-token", { method: "POST" }).catch(() => undefined);
  return response?.ok ? (await response.json()).data.access_token : undefined;
}
