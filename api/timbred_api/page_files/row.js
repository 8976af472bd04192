/** One sound in a list: its waveform, name, likeness, reasons; and, opened, everything else about it. */

import { aspectName, GROUPS, groupScores, MEANINGS } from "./aspects.js";
import { el, icon, iconButton, marked } from "./dom.js";
import { channels, clock, duration, fileName, place } from "./format.js";
import { copyButton, draggable, labelField } from "./give.js";
import { likeAddress } from "./question.js";
import { Waveform } from "./waveform.js";

export class Row {
  #tools;
  #question;
  #sound;
  #wave;
  #details = null;
  #current = null;

  /** `tools`: what all rows share: player, shapes, watchers, revealer, folders(), say(), words. */
  constructor(sound, question, tools) {
    this.#tools = tools;
    this.#wave = new Waveform((wanted) => tools.shapes.of(sound.sound_id, wanted), tools.watchers);
    this.#wave.node.addEventListener("click", (event) => this.play(this.#wave.secondsAt(event)));
    this.playButton = iconButton("play", "Play", () => this.toggle(), { class: "quiet play" });
    this.link = el("a", { class: "name" });
    this.meta = el("span", { class: "meta" });
    this.where = el("span", { class: "where" });
    this.why = el("p", { class: "why" });
    this.match = el("div", { class: "match" });
    this.opener = iconButton("details", "Why, and where it lies", () => this.open(this.#details === null), { "aria-expanded": "false" });
    this.node = el(
      "li",
      { class: "row", data: { sound: sound.sound_id } },
      this.playButton,
      this.#wave.node,
      el("div", { class: "about" }, el("p", { class: "title" }, this.link, this.where), this.why),
      this.meta,
      this.match,
      el("div", { class: "acts" }, copyButton(sound, tools.say), this.opener),
    );
    draggable(this.node, sound);
    this.update(sound, question);
  }

  get sound() {
    return this.#sound;
  }

  /** Shows another answer's row of the same sound. */
  update(sound, question) {
    this.#sound = sound;
    this.#question = question;
    this.link.href = likeAddress(question, sound.sound_id);
    const name = fileName(sound.path);
    this.link.replaceChildren(...marked(sound.label, this.#tools.words()));
    this.link.title = sound.path;
    const labelled = name.replace(/\.[^.]+$/, "") !== sound.label;
    const copies = sound.paths.length > 1 ? ` · ${sound.paths.length} places` : "";
    this.where.replaceChildren(...(labelled ? [name, " · "] : []), ...marked(place(sound.path, this.#tools.folders()), this.#tools.words()), copies);
    this.meta.replaceChildren(el("span", {}, duration(sound.duration)), el("span", { class: "soft" }, sound.format));
    this.why.textContent = (sound.reasons ?? []).join(" ");
    this.why.hidden = !sound.reasons?.length;
    this.#showMatch();
    this.#wave.segment = sound.segment ?? null;
    if (this.#details) this.#showDetails();
  }

  refresh() {
    this.update(this.#sound, this.#question);
  }

  /** Which of the page's sounds the keyboard is on: the others' buttons are skipped by Tab. */
  set current(is) {
    if (this.#current === is) return;
    this.#current = is;
    for (const node of this.node.querySelectorAll(":scope > * a, :scope > button, :scope > .acts button")) node.tabIndex = is ? 0 : -1;
  }

  toggle() {
    if (this.#tools.player.key === this.#sound.sound_id) this.#tools.player.stop();
    else this.play();
  }

  /** Plays; by itself from the stretch that matched. */
  play(from = this.#sound.duration > 10 ? this.#sound.segment?.start ?? 0 : 0) {
    this.#tools.player.playSound(this.#sound, from);
  }

  /** The player has begun, moved or ended. */
  follow(player) {
    const plays = player.key === this.#sound.sound_id;
    this.#wave.head = plays ? player.time : null;
    if (plays === this.node.classList.contains("is-playing")) return;
    this.node.classList.toggle("is-playing", plays);
    this.playButton.replaceChildren(icon(plays ? "stop" : "play"));
    this.playButton.setAttribute("aria-label", plays ? "Stop" : "Play");
  }

  open(wanted) {
    this.opener.setAttribute("aria-expanded", String(wanted));
    this.#details?.remove();
    this.#details = wanted ? el("div", { class: "details" }) : null;
    if (!wanted) return;
    this.node.append(this.#details);
    this.#showDetails();
  }

  isOpen() {
    return this.#details !== null;
  }

  #showMatch() {
    const { similarity, aspects, scores } = this.#sound;
    this.match.hidden = similarity === undefined;
    if (this.match.hidden) return;
    const groups = { ...(scores.clap === null ? {} : { clap: scores.clap }), ...groupScores(aspects) };
    const said = Object.entries(groups).map(([group, score]) => `${group} ${score.toFixed(2)}`);
    const bars = Object.entries(groups).map(([group, score]) => bar(score, group === "clap" ? "is-clap" : ""));
    this.match.replaceChildren(
      el("span", { class: "score" }, similarity.toFixed(2)),
      el("span", { class: "equaliser", role: "img", "aria-label": said.join(", "), title: said.join("\n") }, bars),
      el("span", { class: "likeness" }, fill(similarity)),
    );
  }

  #showDetails() {
    const sound = this.#sound;
    const { say, revealer } = this.#tools;
    const places = sound.paths.map((path) => el("li", {}, el("code", {}, path)));
    this.#details.replaceChildren(
      el("div", { class: "evidence" }, sound.aspects && Object.keys(sound.aspects).length ? aspectBars(sound) : null),
      el(
        "div",
        { class: "facts" },
        el("p", { class: "soft" }, facts(sound)),
        el("ul", { class: "places" }, places),
        labelField(sound, (row) => this.update({ ...this.#sound, ...row }, this.#question), say),
        el("div", { class: "buttons" }, revealer.button(sound, say)),
      ),
    );
  }
}

function facts(sound) {
  const part = sound.segment && sound.duration > 10 ? ` Matched at ${clock(sound.segment.start)} to ${clock(sound.segment.end)}.` : "";
  return `${duration(sound.duration)}, ${sound.format}, ${channels(sound.channels)}, ${sound.sample_rate} Hz, id ${sound.sound_id}.${part}`;
}

/** Every aspect's score, by group. */
function aspectBars(sound) {
  const group = (name) => {
    const known = Object.keys(GROUPS[name]).filter((aspect) => aspect in sound.aspects);
    return [
      el("dt", { title: MEANINGS[name] }, name),
      ...known.map((aspect) => {
        const score = sound.aspects[aspect];
        return el("dd", {}, el("span", {}, aspectName(aspect)), el("span", { class: "likeness" }, fill(score)), el("span", { class: "number" }, score.toFixed(2)));
      }),
    ];
  };
  return Object.keys(GROUPS).map((name) => el("dl", { class: "aspects" }, group(name)));
}

function fill(score) {
  const node = el("span", {});
  node.style.inlineSize = `${Math.round(score * 100)}%`;
  return node;
}

function bar(score, kind) {
  const node = el("span", { class: kind });
  node.style.blockSize = `${Math.max(6, Math.round(100 * score ** 3))}%`; // cubed: what differs is to be seen
  return node;
}
