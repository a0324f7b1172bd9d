// The operators' calls, as gsbctl makes them; docs/contracts.md 7.

let csrf = "";

export class Refused extends Error {
  constructor(status, body) {
    super(body.message || `the proxy answered ${status}`);
    this.status = status;
    this.body = body;
  }
}

async function call(method, path, body, timeout) {
  const answer = await fetch(path, {
    method,
    headers: body ? {"Content-Type": "application/json", "X-GSB-CSRF": csrf}
      : {},
    body: body ? JSON.stringify(body) : undefined,
    signal: AbortSignal.timeout(timeout || 10000),
    cache: "no-store",
  });
  const doc = await answer.json();
  if (!answer.ok) throw new Refused(answer.status, doc);
  return doc;
}

export const get = (path, timeout) => call("GET", path, null, timeout);
export const post = (path, body) => call("POST", path, body);

/** The session there is; throws 401 when there is none. */
export async function session() {
  const one = await get("/v1/session");
  csrf = one.csrf;
  return one;
}

/** body: {token, name} or {once} */
export async function login(body) {
  const one = await post("/v1/login", body);
  csrf = one.csrf;
  return one;
}

export async function logout() {
  await post("/v1/logout", {});
  csrf = "";
}
