/** The folders, how far they are, and the files that could not be indexed. */

import { call, get } from "./api.js";
import { el } from "./dom.js";
import { count, fileName, many, wait } from "./format.js";

const STATES = { online: "watched", offline: "offline", suspect: "many files gone" };

export class Library {
  #say;
  #folders = el("ul", { class: "folders" });
  #summary = el("p", { class: "lead", role: "status" });
  #notes = el("ul", { class: "notes" });
  #failures = el("div", { class: "failures" });
  #failed = -1;
  #shown = false;

  constructor(node, say) {
    this.#say = say;
    node.append(
      el("div", { class: "sheet" }, el("h2", {}, "Folders"), this.#summary, this.#notes, this.#folders, addFolderForm(say), this.#rescanAll()),
      el("div", { class: "sheet" }, el("h2", {}, "Files that could not be indexed"), this.#failures),
    );
  }

  /** Seen or not: only then are failures asked for. */
  set shown(is) {
    this.#shown = is;
    if (is) this.#readFailures();
  }

  update(status) {
    const { files } = status;
    const rest = files.pending ? ` ${count(files.pending)} wait${status.eta === null ? "" : `, about ${wait(status.eta)}`}; what is indexed can be searched.` : "";
    this.#summary.textContent = `${many(files.indexed, "file")} indexed, ${many(status.sounds, "sound")}.${rest}`;
    this.#notes.replaceChildren(...status.notes.map((note) => el("li", {}, note)));
    this.#showFolders(status.folders);
    if (files.failed !== this.#failed && this.#shown) this.#readFailures();
    this.#failed = files.failed;
  }

  // Rows are made anew only where something changed: a focused button must not vanish under the keyboard.
  #showFolders(folders) {
    const now = new Map([...this.#folders.children].map((node) => [node.dataset.folder, node]));
    for (const folder of folders) {
      const state = JSON.stringify(folder);
      const old = now.get(String(folder.id));
      now.delete(String(folder.id));
      if (old?.dataset.state === state) continue;
      if (old?.contains(document.activeElement)) this.#showCounts(old, folder);
      else if (old) old.replaceWith(this.#folder(folder, state));
      else this.#folders.append(this.#folder(folder, state));
    }
    now.forEach((node) => node.remove());
  }

  #folder(folder, state) {
    const act = (label, run) => el("button", { type: "button", on: { click: () => this.#do(run) } }, label);
    const at = { path: undefined, uri: folder.uri };
    const buttons = [act("Look again", () => call("POST", "/v1/rescan", { json: at }))];
    if (folder.state === "suspect") buttons.push(act("They are really gone", () => call("POST", "/v1/folders/confirm", { json: at })));
    if (folder.source === "added") buttons.push(this.#remove(folder));
    const node = el(
      "li",
      { class: "folder", data: { folder: folder.id, state } },
      el("div", { class: "about" }, el("p", { class: "title" }, el("strong", {}, fileName(folder.path)), el("span", { class: `tag is-${folder.state}` }, folder.scanning ? "looking" : STATES[folder.state])), el("code", {}, folder.path), el("p", { class: "soft counts" }), folder.reason ? el("p", {}, folder.reason) : null),
      el("div", { class: "buttons" }, buttons),
      el("progress", { max: 1, "aria-label": `Indexed of ${folder.path}` }),
    );
    this.#showCounts(node, folder);
    return node;
  }

  #showCounts(node, { files, source, watch }) {
    const parts = [`${count(files.indexed)} indexed`, `${count(files.pending)} wait`, `${count(files.failed)} failed`, `${count(files.offline)} offline`];
    const told = parts.filter((part, at) => at === 0 || !part.startsWith("0 "));
    if (source === "config") told.push("from the settings");
    if (watch === "poll") told.push("polled");
    node.querySelector(".counts").textContent = told.join(" · ");
    const bar = node.querySelector("progress");
    bar.hidden = files.pending === 0;
    bar.max = Math.max(1, files.indexed + files.pending);
    bar.value = files.indexed;
  }

  /** Two steps: sounds vanish from answers, though no file is touched. */
  #remove(folder) {
    const click = (event) => {
      const button = event.currentTarget;
      if (button.dataset.sure) return this.#do(() => call("DELETE", "/v1/folders", { query: { uri: folder.uri } }));
      button.dataset.sure = "yes";
      button.textContent = "Stop watching it? No file is touched";
      button.addEventListener("blur", () => {
        delete button.dataset.sure;
        button.textContent = "Remove";
      }, { once: true });
    };
    return el("button", { type: "button", on: { click } }, "Remove");
  }

  #rescanAll() {
    const click = () => this.#do(() => call("POST", "/v1/rescan", { json: {} }));
    return el("button", { type: "button", class: "link", on: { click } }, "Look through all folders again");
  }

  async #do(run) {
    try {
      await run();
    } catch (problem) {
      this.#say(problem.message);
    }
  }

  async #readFailures(cursor) {
    try {
      const { results, next } = await get("/v1/failures", { limit: 100, cursor });
      const rows = results.map((failure) => this.#failure(failure));
      const more = next === null ? null : el("button", { type: "button", class: "wide", on: { click: (event) => { event.currentTarget.remove(); this.#readFailures(next); } } }, "Show more");
      if (cursor !== undefined) return this.#failures.append(...[...rows, more].filter(Boolean));
      const retry = el("button", { type: "button", on: { click: () => this.#retry() } }, "Try all again");
      const none = el("p", { class: "soft" }, "None: everything that was found can be heard.");
      this.#failures.replaceChildren(...(rows.length ? [retry, ...rows, more].filter(Boolean) : [none]));
    } catch (problem) {
      this.#say(problem.message);
    }
  }

  #failure({ path, uri, code, reason, retry_at: again }) {
    const retry = el("button", { type: "button", "aria-label": `Try again: ${fileName(path)}`, on: { click: () => this.#retry(uri) } }, "Try again");
    const when = again ? ` Tried again by itself at ${new Date(again).toLocaleTimeString()}.` : "";
    return el("article", { class: "failure" }, el("div", { class: "about" }, el("p", { class: "title" }, el("strong", {}, fileName(path)), el("span", { class: "tag" }, code.replaceAll("_", " "))), el("p", {}, `${reason}${when}`), el("code", {}, path)), retry);
  }

  async #retry(uri) {
    await this.#do(async () => {
      const { retried } = await call("POST", "/v1/failures/retry", { json: uri ? { uri } : {} });
      this.#say(`${many(retried, "file")} will be tried again.`);
    });
    this.#readFailures();
  }
}

/** A form that has one more folder watched. */
export function addFolderForm(say) {
  const field = el("input", { name: "path", required: true, placeholder: "/home/me/Samples", spellcheck: false, autocomplete: "off", "aria-label": "Absolute path of a folder" });
  const submit = async (event) => {
    event.preventDefault();
    const path = field.value.trim();
    try {
      await call("POST", "/v1/folders", { json: path.startsWith("file://") ? { uri: path } : { path } });
      field.value = "";
      say(`Watched from now on: ${path}`);
    } catch (problem) {
      say(problem.message);
    }
  };
  return el("form", { class: "add-folder", on: { submit } }, field, el("button", {}, "Watch this folder"));
}

/** What a library without folders shows instead of sounds. */
export function firstRun(node, say) {
  node.className = "first-run sheet";
  node.replaceChildren(
    el("h2", {}, "Name a folder with sounds"),
    el("p", {}, "timbred listens to every sound in it, and in the folders below. Files are only read, never changed. What has been heard can be searched while the rest follows."),
    addFolderForm(say),
    el("p", { class: "soft" }, "Or in a terminal: ", el("code", {}, "timbred folders add ~/Samples")),
  );
}
