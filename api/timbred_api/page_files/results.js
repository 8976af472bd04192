/** The list of sounds: rows are kept from answer to answer and move to their new places; one is the current one. */

import { still } from "./dom.js";
import { Row } from "./row.js";

const MOVE_MS = 220;

export class Results {
  #rows = new Map();
  #list;
  #tools;
  #current = null;

  constructor(list, tools) {
    this.#list = list;
    this.#tools = tools;
    list.addEventListener("focusin", (event) => this.#become(this.#rowOf(event.target)));
    list.addEventListener("pointerover", (event) => this.#pointed(event));
    list.addEventListener("pointerleave", () => tools.hovers() && tools.player.stop());
    for (const name of ["change", "time"]) tools.player.addEventListener(name, () => this.#rows.forEach((row) => row.follow(tools.player)));
  }

  get current() {
    return this.#current;
  }

  get ids() {
    return [...this.#rows.keys()];
  }

  /** Shows these sounds, in this order. Rows that stay glide to where they are now. */
  show(sounds, question) {
    const before = still() || !this.#rows.size ? null : new Map([...this.#rows].map(([id, row]) => [id, row.node.getBoundingClientRect().top]));
    const rows = new Map();
    for (const sound of sounds) {
      const row = this.#rows.get(sound.sound_id);
      row?.update(sound, question);
      rows.set(sound.sound_id, row ?? new Row(sound, question, this.#tools));
    }
    this.#rows = rows;
    this.#place([...rows.values()].map((row) => row.node));
    if (!rows.has(this.#current?.sound.sound_id)) this.#current = null;
    this.#become(this.#current ?? rows.values().next().value ?? null);
    rows.forEach((row) => row.follow(this.#tools.player));
    if (before) this.#glide(before);
  }

  /** Adds the next page of a list. */
  add(sounds, question) {
    this.show([...this.#rows.values()].map((row) => row.sound).concat(sounds), question);
  }

  clear() {
    this.show([], null);
  }

  /** Writes every row anew: what they are shown with (the folders) is known by now. */
  refresh() {
    this.#rows.forEach((row) => row.refresh());
  }

  /** Goes `steps` sounds on; gives false at the top, where there is nothing above. */
  move(steps) {
    const rows = [...this.#rows.values()];
    if (!rows.length) return false;
    const inside = this.#list.contains(document.activeElement);
    const at = inside ? rows.indexOf(this.#current) + steps : 0;
    if (at < 0) return false;
    this.focus(rows[Math.min(at, rows.length - 1)].sound.sound_id);
    return true;
  }

  /** Focuses a sound's row; gives whether there is one. */
  focus(id) {
    const row = this.#rows.get(id);
    if (!row) return false;
    this.#become(row);
    row.link.focus({ preventScroll: true });
    row.node.scrollIntoView({ block: "nearest", behavior: still() ? "auto" : "smooth" });
    return true;
  }

  #become(row) {
    if (this.#current !== row && this.#current) this.#current.current = false;
    this.#current = row;
    this.#rows.forEach((other) => {
      other.current = other === row;
    });
  }

  #rowOf(node) {
    const item = node.closest("li.row");
    return item ? this.#rows.get(Number(item.dataset.sound)) ?? null : null;
  }

  #pointed(event) {
    const row = this.#rowOf(event.target);
    if (!row || !this.#tools.hovers() || event.pointerType !== "mouse") return;
    if (row.node.contains(event.relatedTarget)) return;
    row.play();
  }

  /** Puts the nodes into this order without touching those that are right: focus and pictures stay. */
  #place(nodes) {
    const wanted = new Set(nodes);
    for (const node of [...this.#list.children]) if (!wanted.has(node)) node.remove();
    nodes.forEach((node, at) => {
      if (this.#list.children[at] !== node) {
        const focused = node.contains(document.activeElement) ? document.activeElement : null;
        this.#list.insertBefore(node, this.#list.children[at] ?? null);
        focused?.focus({ preventScroll: true });
      }
    });
  }

  #glide(before) {
    // All places are read before anything moves: one layout, not one for each row.
    const ways = [...this.#rows].map(([id, row]) => [row, before.has(id) ? before.get(id) - row.node.getBoundingClientRect().top : 0]);
    for (const [row, way] of ways) {
      if (way) row.node.animate([{ transform: `translateY(${way}px)` }, { transform: "none" }], { duration: MOVE_MS, easing: "ease-out" });
    }
  }
}
