/** The daemon's state as it changes: one stream of events while the page is seen, questions where there is none. */

import { get } from "./api.js";
import { byId, el } from "./dom.js";
import { count, many, wait } from "./format.js";

const AGAIN_MS = 3000;

/** Events: "status" (`detail`: the status), "library" (`detail`: its seq), "gone" and "back". */
export class Live extends EventTarget {
  #stream = null;
  #timer = 0;
  #gone = false;
  status = null;

  start() {
    document.addEventListener("visibilitychange", () => (document.hidden ? this.#close() : this.#open()));
    if (!document.hidden) this.#open();
  }

  /** Asks once, now. */
  async ask() {
    try {
      this.#take(await get("/v1/status"));
    } catch {
      this.#lost();
    }
    return this.status;
  }

  // A browser has six connections to one place, for all its tabs together: only the one that is seen keeps a stream.
  #open() {
    this.#close();
    this.#stream = new EventSource("/v1/events");
    let unseen = this.status?.seq; // up to here: what came since, while nobody listened, no event tells
    this.#stream.addEventListener("status", (event) => {
      this.#take(JSON.parse(event.data));
      if (unseen !== undefined && unseen !== this.status.seq) this.#tell("library", this.status.seq);
      unseen = undefined;
    });
    this.#stream.addEventListener("library", (event) => this.#tell("library", JSON.parse(event.data).seq));
    this.#stream.addEventListener("error", () => {
      if (this.#stream?.readyState === EventSource.CLOSED) this.#close(); // no such address, or refused
      this.#again();
    });
  }

  #close() {
    this.#stream?.close();
    this.#stream = null;
    clearTimeout(this.#timer);
  }

  #again() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(async () => {
      const before = this.status?.seq;
      await this.ask();
      if (!this.#gone && before !== undefined && before !== this.status.seq) this.#tell("library", this.status.seq);
      if (this.#stream === null && !this.#gone) this.#open();
      else if (this.#gone) this.#again();
    }, AGAIN_MS);
  }

  #take(status) {
    this.status = status;
    if (this.#gone) this.#tell("back");
    this.#gone = false;
    this.#tell("status", status);
  }

  #lost() {
    if (!this.#gone) this.#tell("gone");
    this.#gone = true;
  }

  #tell(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}

/** The line in the bar, and the thin line of progress below it. */
export function showStatus(status) {
  const { files, state, eta, rate } = status;
  const busy = files.pending > 0;
  const all = files.indexed + files.pending;
  const text = busy ? `${count(files.indexed)} of ${count(all)} indexed` : state === "idle" ? many(status.sounds, "sound") : `${state}…`;
  const more = [`${many(status.sounds, "sound")}, ${state}.`];
  if (busy) more.push(`What is indexed can be searched already${eta === null ? "" : `; the rest takes about ${wait(eta)}, ${rate} a second`}.`);
  byId("status").replaceChildren(el("span", { class: `dot is-${busy ? "busy" : state}` }), text);
  byId("status").title = [...more, ...status.notes].join("\n");
  const progress = byId("progress");
  progress.hidden = !busy;
  progress.setAttribute("aria-valuemax", String(all));
  progress.setAttribute("aria-valuenow", String(files.indexed));
  progress.firstElementChild.style.inlineSize = `${(100 * files.indexed) / Math.max(1, all)}%`;
  const badge = byId("failed-count");
  badge.hidden = files.failed === 0;
  badge.textContent = count(files.failed);
  badge.title = `${many(files.failed, "file")} could not be indexed`;
}
