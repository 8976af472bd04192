/** Groups of sounds that are the same audio, with the evidence. Nothing is deleted from here. */

import { get, latest } from "./api.js";
import { el, iconButton } from "./dom.js";
import { count, duration, many } from "./format.js";
import { copyButton, draggable } from "./give.js";
import { Waveform } from "./waveform.js";

const KINDS = { "": "All", same_bytes: "Same bytes", same_audio: "Same audio", trimmed: "Trimmed or faded" };
const AGAIN_MS = 2000;
const PAGE = 50;

export class Duplicates {
  #tools;
  #kind = "";
  #begin = latest();
  #timer = 0;
  #said = el("p", { class: "lead", role: "status" });
  #groups = el("div", { class: "groups" });
  #more = el("button", { type: "button", class: "wide", hidden: true }, "Show more");
  #buttons;

  constructor(node, tools) {
    this.#tools = tools;
    this.#buttons = Object.entries(KINDS).map(([kind, label]) => el("button", { type: "button", "aria-pressed": String(kind === ""), on: { click: () => this.#choose(kind) } }, label));
    node.append(
      el("div", { class: "sheet" }, el("h2", {}, "The same audio, more than once"), this.#said, el("div", { class: "presets", role: "group", "aria-label": "Kind" }, this.#buttons)),
      this.#groups,
      this.#more,
    );
    tools.player.addEventListener("change", () => this.#follow());
  }

  set shown(is) {
    clearTimeout(this.#timer);
    if (is) this.#read();
  }

  #choose(kind) {
    this.#kind = kind;
    this.#buttons.forEach((button, at) => button.setAttribute("aria-pressed", String(Object.keys(KINDS)[at] === kind)));
    this.#read();
  }

  async #read(cursor) {
    clearTimeout(this.#timer);
    try {
      const found = await get("/v1/duplicates", { kind: this.#kind, cursor, limit: PAGE }, this.#begin());
      const groups = found.results.map((group) => this.#group(group));
      if (cursor === undefined) this.#groups.replaceChildren(...groups);
      else this.#groups.append(...groups);
      this.#said.textContent = sentence(found, this.#groups.childElementCount);
      this.#more.hidden = found.next === null;
      this.#more.onclick = () => this.#read(found.next);
      if (!found.complete && cursor === undefined) this.#timer = setTimeout(() => this.#read(), AGAIN_MS);
    } catch (error) {
      if (error.name !== "AbortError") this.#said.textContent = error.message;
    }
  }

  #group({ members }) {
    return el("article", { class: "group sheet" }, el("h3", {}, members[0].label), el("ul", {}, members.map((member, at) => this.#member(member, at))));
  }

  #member(sound, at) {
    const { player, shapes, watchers, say } = this.#tools;
    const toggle = () => (player.key === sound.sound_id ? player.stop() : player.playSound(sound));
    const play = iconButton("play", `Play ${sound.label}`, toggle, { class: "quiet play" });
    const wave = new Waveform((wanted) => shapes.of(sound.sound_id, wanted), watchers);
    const evidence = sound.evidence?.sentence ?? (at === 0 ? "The longest and best kept of these." : "");
    const paths = sound.paths.map((path) => el("code", {}, path));
    const row = el(
      "li",
      { class: "member", data: { sound: sound.sound_id } },
      play,
      wave.node,
      el("div", { class: "about" }, el("p", {}, el("a", { href: `/?id=${sound.sound_id}` }, sound.label), ` ${duration(sound.duration)} · ${sound.format}`), el("p", { class: "why" }, evidence), paths),
      el("div", { class: "acts" }, copyButton(sound, say)),
    );
    draggable(row, sound);
    return row;
  }

  #follow() {
    for (const row of this.#groups.querySelectorAll("li.member")) row.classList.toggle("is-playing", Number(row.dataset.sound) === this.#tools.player.key);
  }
}

function sentence({ complete, pending, notes, next }, shown) {
  const groups = `${next === null ? "" : "the first "}${many(shown, "group")}`;
  if (complete) return [shown ? `${groups[0].toUpperCase()}${groups.slice(1)}. No file is ever touched.` : "No two sounds are the same audio.", ...notes].join(" ");
  return `Comparing: ${many(pending.sounds, "sound")} and ${count(pending.pairs)} pairs to go; ${groups} so far.`;
}
