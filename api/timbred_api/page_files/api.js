/** Calls to the daemon. An error is a `Problem` with a sentence for people. */

export class Problem extends Error {
  /** `code`: stable, as in the reference; `status` 0: nobody answered. */
  constructor(sentence, code, status) {
    super(sentence);
    this.name = "Problem";
    this.code = code;
    this.status = status;
  }
}

/**
 * Asks and gives the answer's JSON. `query` leaves out what is null, undefined or "".
 * Throws a `Problem`, or the AbortError of `signal`.
 */
export async function call(method, path, { query = {}, json, body, type, signal } = {}) {
  const headers = { Accept: "application/json" };
  if (json !== undefined) headers["Content-Type"] = "application/json";
  else if (body !== undefined) headers["Content-Type"] = type;
  let response;
  try {
    response = await fetch(address(path, query), { method, headers, body: json === undefined ? body : JSON.stringify(json), signal });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem("timbred does not answer. Is it still running?", "gone", 0);
  }
  if (!response.ok) throw await problemOf(response);
  return response.json();
}

export const get = (path, query, signal) => call("GET", path, { query, signal });

/** The path with its query. */
export function address(path, query = {}) {
  const given = Object.entries(query).filter(([, value]) => value !== null && value !== undefined && value !== "");
  const text = new URLSearchParams(given).toString();
  return text ? `${path}?${text}` : path;
}

/** Whether there is anything at this address. */
export async function exists(path) {
  const response = await fetch(path, { method: "OPTIONS" });
  return response.status !== 404 && response.status !== 501;
}

async function problemOf(response) {
  try {
    const { detail, code } = await response.json();
    return new Problem(detail || response.statusText, code, response.status);
  } catch {
    return new Problem(`timbred answered ${response.status}.`, "http", response.status);
  }
}

/** The last one wins: each call aborts what the one before still waits for. */
export function latest() {
  let current = null;
  return () => {
    current?.abort();
    current = new AbortController();
    return current.signal;
  };
}

/** Runs at most `size` tasks at once, in order. One that is not `wanted` any more when its turn comes gives null. */
export function limiter(size) {
  const waiting = [];
  let running = 0;
  const next = () => {
    while (running < size && waiting.length) {
      const { task, wanted, resolve, reject } = waiting.shift();
      if (!wanted()) {
        resolve(null);
        continue;
      }
      running += 1;
      task()
        .then(resolve, reject)
        .finally(() => {
          running -= 1;
          next();
        });
    }
  };
  return (task, wanted) =>
    new Promise((resolve, reject) => {
      waiting.push({ task, wanted, resolve, reject });
      next();
    });
}
