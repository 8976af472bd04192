/** Sliders for what similarity listens to. A moved one re-ranks at once; those that were not moved keep their default. */

import { CLAP, GROUPS, groupWeight, MEANINGS, PRESETS } from "./aspects.js";
import { el } from "./dom.js";

// A weight of 0.02 beside one of 0.76 would not be seen: the slider goes by the square root.
const STEPS = 100;
const toSlider = (weight) => Math.round(Math.sqrt(Math.min(1, weight)) * STEPS);
const toWeight = (step) => (step / STEPS) ** 2;

/** A text of weights as group → weight; parts that no slider stands for are kept as they are. */
export function readWeights(text) {
  const moved = {};
  const others = [];
  let preset = "";
  for (const part of text.split(",").map((piece) => piece.trim()).filter(Boolean)) {
    const [name, number] = part.split(":");
    if (number === undefined && name in PRESETS) preset = name;
    else if (name in GROUPS || name === "clap") moved[name] = Number(number);
    else if (name !== "librosa") others.push(part);
  }
  return { preset, moved, others };
}

/** The text of weights: a preset, then what was moved. */
export function writeWeights({ preset, moved, others }) {
  const short = (number) => String(Number(number.toFixed(4)));
  const parts = preset && preset !== "balanced" ? [preset] : [];
  for (const [name, weight] of Object.entries(moved)) {
    parts.push(`${name}:${short(weight)}`);
    if (name === "clap") parts.push(`librosa:${short(1 - weight)}`);
  }
  return [...parts, ...others].join(",");
}

export class Weights {
  #node;
  #changed;
  #now = readWeights("");
  #sliders = {};
  #presets = {};
  #clapRow = null;

  /** `changed` gets the text of the weights at every movement of a slider. */
  constructor(node, changed) {
    this.#node = node;
    this.#changed = changed;
    const presets = Object.keys(PRESETS).map((name) => this.#presetButton(name));
    const rows = ["clap", ...Object.keys(GROUPS)].map((group) => this.#slider(group));
    node.append(
      el("h2", { id: "weights-title" }, "What counts"),
      el("div", { class: "presets", role: "group", "aria-label": "Presets" }, presets),
      el("div", { class: "sliders", role: "group", "aria-labelledby": "weights-title" }, rows),
    );
    this.hears = false;
  }

  /** Whether CLAP has a say. */
  set hears(can) {
    this.#clapRow.hidden = !can;
  }

  /** Whether the answer is ranked by weights at all. */
  set matter(does) {
    this.#node.hidden = !does;
  }

  /** Shows the weights of a question. */
  show(text) {
    this.#now = readWeights(text);
    for (const [group, { input, output }] of Object.entries(this.#sliders)) {
      const weight = this.#weight(group);
      if (document.activeElement !== input) input.value = String(toSlider(weight));
      output.textContent = this.#share(group);
    }
    const plain = Object.keys(this.#now.moved).length + this.#now.others.length === 0;
    for (const [name, button] of Object.entries(this.#presets)) {
      button.setAttribute("aria-pressed", String(plain && (this.#now.preset || "balanced") === name));
    }
  }

  #weight(group) {
    if (group in this.#now.moved) return this.#now.moved[group];
    if (group === "clap") return CLAP;
    return PRESETS[this.#now.preset]?.[group] ?? groupWeight(group);
  }

  /** A group's share of the whole, as text. */
  #share(group) {
    if (group === "clap") return `${Math.round(this.#weight("clap") * 100)} %`;
    const all = Object.keys(GROUPS).reduce((sum, name) => sum + this.#weight(name), 0);
    return `${Math.round((this.#weight(group) / (all || 1)) * 100)} %`;
  }

  #presetButton(name) {
    const click = () => this.#changed(writeWeights({ preset: name, moved: {}, others: [] }));
    this.#presets[name] = el("button", { type: "button", "aria-pressed": "false", on: { click } }, name);
    return this.#presets[name];
  }

  #slider(group) {
    const id = `weight-${group}`;
    const output = el("output", { htmlFor: id });
    const move = () => {
      this.#now.moved[group] = toWeight(Number(input.value));
      const text = writeWeights(this.#now);
      this.show(text);
      this.#changed(text);
    };
    const input = el("input", { id, type: "range", min: "0", max: String(STEPS), on: { input: move } });
    const row = el("div", { class: "slider" }, el("label", { htmlFor: id, title: MEANINGS[group] }, group === "clap" ? "CLAP" : group), input, output);
    if (group === "clap") this.#clapRow = row;
    this.#sliders[group] = { input, output };
    return row;
  }
}
