/** Which sounds may be found: those below a folder, those with words in their names, those of a length. */

import { el } from "./dom.js";

const LENGTHS = [
  ["any length", "", ""],
  ["up to 0.5 s", "", "0.5"],
  ["0.5 to 3 s", "0.5", "3"],
  ["3 to 10 s", "3", "10"],
  ["over 10 s", "10", ""],
];

export class Filters {
  #folder;
  #called;
  #length;
  #list;
  #clear;
  #changed;
  #seen = new Set();

  /** `changed` gets {folder, called, min, max}. */
  constructor(node, changed) {
    this.#changed = changed;
    this.#list = el("datalist", { id: "folder-list" });
    this.#folder = el("input", { id: "filter-folder", type: "search", placeholder: "every folder", autocomplete: "off", spellcheck: false, on: { change: () => this.#tell() } });
    this.#folder.setAttribute("list", "folder-list");
    this.#called = el("input", { id: "filter-called", type: "search", placeholder: "anything", autocomplete: "off", spellcheck: false, on: { change: () => this.#tell() } });
    this.#length = el("select", { id: "filter-length", on: { change: () => this.#tell() } }, LENGTHS.map(([label], at) => el("option", { value: String(at) }, label)));
    this.#clear = el("button", { type: "button", class: "link", hidden: true, on: { click: () => changed({ folder: "", called: "", min: "", max: "" }) } }, "Clear");
    node.append(
      el("h2", {}, "Only", this.#clear),
      el("div", { class: "field" }, el("label", { htmlFor: "filter-folder" }, "in"), this.#folder),
      el("div", { class: "field" }, el("label", { htmlFor: "filter-called" }, "called"), this.#called),
      el("div", { class: "field" }, el("label", { htmlFor: "filter-length" }, "of"), this.#length),
      this.#list,
    );
  }

  show({ folder, called, min, max }) {
    if (document.activeElement !== this.#folder) this.#folder.value = folder;
    if (document.activeElement !== this.#called) this.#called.value = called;
    this.#length.value = String(this.#choiceOf(min, max));
    this.#clear.hidden = !folder && !called && !min && !max;
  }

  /** Offers watched folders, and the folders of sounds that were found. */
  offer(folders) {
    for (const folder of folders) {
      if (this.#seen.has(folder) || this.#seen.size > 500) continue;
      this.#seen.add(folder);
      this.#list.append(el("option", { value: folder }));
    }
  }

  /** A length that is not in the list, from a shared address, gets an entry of its own. */
  #choiceOf(min, max) {
    const at = LENGTHS.findIndex(([, low, high]) => low === min && high === max);
    if (at >= 0) return at;
    const value = `${min}:${max}`;
    if (![...this.#length.options].some((option) => option.value === value)) {
      this.#length.append(el("option", { value }, `${min || 0} to ${max || "∞"} s`));
    }
    return value;
  }

  #tell() {
    const chosen = LENGTHS[Number(this.#length.value)];
    const [min, max] = chosen ? chosen.slice(1) : this.#length.value.split(":");
    this.#changed({ folder: this.#folder.value.trim(), called: this.#called.value.trim(), min, max });
  }
}
