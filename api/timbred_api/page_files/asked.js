/** The card of the sound that was searched by. */

import { get } from "./api.js";
import { el, icon, iconButton } from "./dom.js";
import { channels, duration, place } from "./format.js";
import { copyButton, draggable, labelField } from "./give.js";
import { shapeOfBlob, Waveform } from "./waveform.js";

export class AskedCard {
  #node;
  #tools;
  #shown = null;
  #wave = null;
  #play = null;
  #tellFacts = () => {};

  constructor(node, tools) {
    this.#node = node;
    this.#tools = tools;
    for (const name of ["change", "time"]) tools.player.addEventListener(name, () => this.#follow());
  }

  /** The name that is shown, for the title and the trail; "" for none. */
  get name() {
    return this.#shown?.label ?? this.#shown?.name ?? "";
  }

  /** Shows the sound of an answer; `null` for none. `sound`: its row, where it is indexed. */
  async show(asked, signal) {
    if (asked && asked.sound_id !== null && asked.sound_id === this.#shown?.sound_id) return;
    this.#node.hidden = asked === null;
    this.#shown = asked;
    this.#wave = null;
    if (asked === null) return this.#node.replaceChildren();
    const sound = asked.sound_id === null ? null : await get(`/v1/sounds/${asked.sound_id}`, {}, signal);
    if (this.#shown !== asked) return;
    this.#shown = { ...asked, ...sound };
    this.#draw(asked, sound);
  }

  /** The watched folders are known now, or others: a place is shown below its folder. */
  refresh() {
    this.#tellFacts();
  }

  toggle() {
    const { player } = this.#tools;
    if (player.key !== null && player.key === this.#key) player.stop();
    else if (this.#shown?.upload) player.playUpload(this.#shown.upload);
    else if (this.#shown?.sound_id) player.playSound(this.#shown);
  }

  get #key() {
    return this.#shown?.upload?.address ?? this.#shown?.sound_id ?? null;
  }

  #draw(asked, sound) {
    const { shapes, watchers, say, revealer, folders } = this.#tools;
    const { upload } = asked;
    const playable = upload !== null || sound !== null;
    const load = upload ? () => shapeOfBlob(upload.blob) : (wanted) => shapes.of(sound.sound_id, wanted);
    this.#wave = playable ? new Waveform(load, watchers) : null;
    this.#wave?.node.addEventListener("click", () => this.toggle());
    this.#play = playable ? iconButton("play", "Play the sound searched by", () => this.toggle(), { class: "play" }) : null;
    const where = () => (upload ? "only in this page" : sound ? place(sound.path, folders()) : asked.path ?? "");
    const measures = sound ? `${duration(sound.duration)} · ${sound.format} · ${channels(sound.channels)}` : duration(asked.duration ?? 0);
    const facts = el("p", { class: "soft" });
    this.#tellFacts = () => {
      facts.textContent = [where(), measures].filter(Boolean).join(" · ");
    };
    this.#tellFacts();
    const heading = el("h2", {}, sound?.label ?? asked.name);
    const relabel = (row) => {
      heading.textContent = row.label;
    };
    this.#node.replaceChildren(
      ...[
        this.#play,
        el(
          "div",
          { class: "about" },
          el("p", { class: "kicker" }, "Sounds like"),
          heading,
          facts,
          sound ? el("details", { class: "more" }, el("summary", {}, "Label and places"), el("ul", { class: "places" }, sound.paths.map((path) => el("li", {}, el("code", {}, path)))), labelField(sound, relabel, say)) : null,
        ),
        this.#wave?.node,
        sound ? el("div", { class: "acts" }, copyButton(sound, say), revealer.button(sound, say)) : null,
      ].filter(Boolean),
    );
    if (sound) draggable(this.#node, sound);
    else this.#node.draggable = false;
  }

  #follow() {
    const { player } = this.#tools;
    const plays = player.key !== null && player.key === this.#key;
    if (this.#wave) this.#wave.head = plays ? player.time : null;
    if (!this.#play || plays === this.#play.classList.contains("is-playing")) return;
    this.#play.classList.toggle("is-playing", plays);
    this.#play.replaceChildren(icon(plays ? "stop" : "play"));
    this.#play.setAttribute("aria-label", plays ? "Stop" : "Play the sound searched by");
  }
}

/** The way that led here: sounds before this one, as links. */
export function showTrail(node, trail, name) {
  node.hidden = trail.length === 0;
  const links = trail.map(({ address, label }) => el("li", {}, el("a", { href: address, title: label }, label)));
  node.replaceChildren(el("ol", {}, links, el("li", { "aria-current": "page" }, name)));
}
