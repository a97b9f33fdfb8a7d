// The access token that creating a room needs: of the server itself in development, of the
// deployment's login, or pasted. It stays in memory.

import { RequestError } from "../rooms-client.js";
import { fragment } from "./fragment.js";
import { ROOT } from "./place.js";

const STATE = "login-state";

let held; // of the login, or pasted

export function paste(token) {
  held = token.trim();
}

// Takes the token with which the login has sent the browser back. Returns what is wrong, if
// anything: only an answer with the state that this tab has sent is taken, and only once.
export function returnFromLogin() {
  const answer = new URLSearchParams(fragment);
  if (!answer.has("state")) return undefined;
  const sent = sessionStorage.getItem(STATE);
  sessionStorage.removeItem(STATE);
  if (!sent || answer.get("state") !== sent) return "loginForeign";
  held = answer.get("access_token") || undefined;
  return held ? undefined : "loginRefused";
}

// How this page gets a token: "here" if it has one or the server gives one, "login" if it opens the
// login, "token" if it asks for one.
export async function wayToSignIn() {
  return held ? "here" : (await signIn()).way;
}

// Leaves the page for the login where it has no token, unless it has to stay.
export async function accessToken({ stays = false } = {}) {
  if (held) return held;
  const { way, login_url: login, redirect_uri: redirect } = await signIn();
  if (way === "here") return askServer();
  if (way === "token" || stays) throw unauthorized();
  openLogin(login, redirect ?? `${ROOT}join`);
  return new Promise(() => {}); // the page is being left
}

// Whether the server has refused the access token.
export function refusesToken({ code }) {
  return ["unauthorized", "token_expired", "token_invalid"].includes(code);
}

export function forgetToken() {
  held = undefined;
}

async function signIn() {
  const response = await fetch(`${ROOT}web/sign-in`).catch(() => undefined);
  return response?.ok ? (await response.json()).data : { way: "token" };
}

async function askServer() {
  const asking = fetch(`${ROOT}web/access-token`, { method: "POST" });
  const response = await asking.catch(() => undefined);
  if (!response?.ok) throw unauthorized();
  return (await response.json()).data.access_token;
}

function openLogin(login, redirect) {
  const state = Array.from(crypto.getRandomValues(new Uint8Array(16)), hex).join("");
  sessionStorage.setItem(STATE, state);
  const url = new URL(login);
  url.searchParams.set("redirect_uri", redirect);
  url.searchParams.set("state", state);
  // Whoever comes back by the browser's own button finds a page that waits for nothing.
  addEventListener("pageshow", (event) => event.persisted && location.reload());
  location.assign(url);
}

function hex(byte) {
  return byte.toString(16).padStart(2, "0");
}

function unauthorized() {
  return new RequestError("unauthorized", "there is no access token", { status: 401 });
}
