// The access token that creating a room needs: of the server itself in development, of the
// deployment's login, or pasted. It stays in memory.

import { RequestError } from "../rooms-client.js";
import { fragment } from "./fragment.js";
import { ROOT } from "./place.js";

const STATE = "login-state";

let pasted;
let ofLogin;

export function paste(token) {
  pasted = token.trim();
}

// Takes the token with which the login has sent the browser back. Returns what is wrong, if
// anything: only an answer with the state that this tab has sent is taken, and only once.
export function returnFromLogin() {
  const answer = new URLSearchParams(fragment);
  if (!answer.has("state")) return undefined;
  const sent = sessionStorage.getItem(STATE);
  sessionStorage.removeItem(STATE);
  if (!sent || answer.get("state") !== sent) return "loginForeign";
  ofLogin = answer.get("access_token") || undefined;
  return ofLogin ? undefined : "loginRefused";
}

// How this page gets a token: "here" if it has one or the server gives one, "login" if it opens the
// login, "token" if it asks for one.
export async function wayToSignIn() {
  return ofLogin ? "here" : (await signIn()).way;
}

export async function accessToken() {
  if (pasted || ofLogin) return pasted || ofLogin;
  const { way, login_url: login, redirect_uri: redirect } = await signIn();
  switch (way) {
    case "here":
      return askServer();
    case "login":
      openLogin(login, redirect ?? `${ROOT}join`);
      return new Promise(() => {}); // the page is being left
    default:
      throw unauthorized();
  }
}

// Forgets the token of the login, which has expired. Returns whether there was one.
export function forgetLogin() {
  const had = ofLogin !== undefined;
  ofLogin = undefined;
  return had;
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
