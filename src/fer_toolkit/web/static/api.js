// What is asked of the server, and what it says when it can't.

/** Why there is no result, in words for people. */
export class Problem extends Error {
  constructor(title, detail, { status = 0, retryAfter = null } = {}) {
    super(title);
    this.title = title;
    this.detail = detail;
    this.status = status; // 0: there was no answer
    this.retryAfter = retryAfter; // seconds
  }
}

// What people read instead of the status's own name. Below them stands what the server says in detail.
const TITLES = new Map([
  [401, "A token is needed"],
  [413, "The picture is too large"],
  [415, "This is not a picture that can be read"],
  [422, "The picture can’t be read"],
  [429, "The server is busy"],
  [503, "The server can’t do this now"],
]);

let token = null; // in memory only

/** Send this bearer token with every request from now on. */
export function useToken(value) {
  token = value;
}

/** Find and read the faces of a picture. */
export function recognize(blob, { detector, classifier }, signal) {
  const query = new URLSearchParams();
  if (detector) query.set("detector", detector);
  if (classifier) query.set("classifier", classifier);
  const body = new FormData();
  body.set("image", blob, "picture"); // the picture's own name stays here
  return request(`api/v1/recognize?${query}`, { method: "POST", body, signal });
}

/** The detectors there are: [{name, default}]. */
export async function listDetectors() {
  return (await request("api/v1/detectors")).detectors;
}

/** The models there are: [{name, labels, summary, default}]. */
export async function listModels() {
  return (await request("api/v1/models")).models;
}

async function request(path, options = {}) {
  const headers = token === null ? {} : { Authorization: `Bearer ${token}` };
  let response;
  try {
    response = await fetch(new URL(path, document.baseURI), { ...options, headers });
  } catch (error) {
    options.signal?.throwIfAborted();
    throw unreachable(options.body?.get("image").size ?? 0);
  }
  if (!response.ok) throw await refusal(response);
  try {
    return await response.json();
  } catch (error) {
    options.signal?.throwIfAborted();
    throw new Problem("The answer can’t be read", "It broke off, or it did not come from fer-toolkit.");
  }
}

function unreachable(bytes) {
  // A server that refuses a large body may hang up before it is sent, and the browser then shows no answer.
  const megabytes = Math.round(bytes / 2 ** 20);
  const size = megabytes >= 8 ? ` Or the picture, of ${megabytes} MB, is larger than the server takes.` : "";
  return new Problem("The server can’t be reached", `It may be stopped, or the network is gone.${size}`);
}

async function refusal(response) {
  const { status } = response;
  const seconds = Number.parseFloat(response.headers.get("Retry-After"));
  const retryAfter = Number.isFinite(seconds) ? seconds : null;
  const words = await response.json().catch(() => ({})); // a proxy's refusal need not be JSON
  const title = TITLES.get(status) ?? words.title ?? `The server refused (status ${status})`;
  return new Problem(title, words.detail ?? "", { status, retryAfter });
}
