// The data that a reload needs to enter again. It is gone once the tab is closed.

const KEY = "seat";
const NAME = "name";

export function remember(entry) {
  sessionStorage.setItem(KEY, JSON.stringify(entry));
}

export function recall() {
  return JSON.parse(sessionStorage.getItem(KEY) ?? "null");
}

export function forget() {
  sessionStorage.removeItem(KEY);
}

export function rememberName(name) {
  sessionStorage.setItem(NAME, name);
}

export function recallName() {
  return sessionStorage.getItem(NAME) ?? "";
}
