// The HTTP requests of the API, and how they fail.

const PATIENCE_MS = 15_000;

export class RequestError extends Error {
  constructor(code, message, { status = 0, retryAfter } = {}) {
    super(message);
    this.name = "RequestError";
    this.code = code; // "unreachable" where no server of rooms has answered
    this.status = status;
    this.retryAfter = retryAfter; // seconds
  }
}

export async function request(method, url, body, { token, language }) {
  const headers = {};
  if (language) headers["Accept-Language"] = language;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (token) headers.Authorization = `Bearer ${token}`;
  const signal = AbortSignal.timeout(PATIENCE_MS);
  const options = { method, headers, signal, body: JSON.stringify(body) };
  const response = await fetch(url, options).catch((error) => {
    throw new RequestError("unreachable", error.message);
  });
  const answer = await response.json().catch(() => undefined);
  if (response.ok && answer?.success) return answer.data;
  const seconds = Number(response.headers.get("Retry-After"));
  const { code = "unreachable", message = response.statusText } = answer ?? {};
  throw new RequestError(code, message, {
    status: response.status,
    retryAfter: seconds > 0 ? seconds : undefined,
  });
}
