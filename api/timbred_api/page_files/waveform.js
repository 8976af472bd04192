/** Waveforms: asked for when they come into view, drawn on a canvas, with the stretch that matched and the playhead. */

import { get, limiter } from "./api.js";
import { el } from "./dom.js";

const POINTS = 300;
const KEPT = 600;
const atMost = limiter(3); // browsers have six connections, and answers must not wait for pictures

/** The shapes of sounds, kept while the page is open. */
export class Shapes {
  #kept = new Map();

  /** {min, max, rms, duration} of a sound; null where there is none, or where it is not `wanted` in the end. */
  of(id, wanted) {
    if (!this.#kept.has(id)) {
      if (this.#kept.size >= KEPT) this.#kept.delete(this.#kept.keys().next().value);
      this.#kept.set(id, this.#ask(id, wanted));
    }
    return this.#kept.get(id);
  }

  async #ask(id, wanted) {
    const shape = await atMost(() => get(`/v1/sounds/${id}/waveform`, { points: POINTS }), wanted).catch(() => null);
    if (shape === null) this.#kept.delete(id); // it may be asked for again
    return shape;
  }
}

/** The shape of a sound that is only here, decoded by the browser; null where it cannot. */
export async function shapeOfBlob(blob) {
  try {
    const context = new OfflineAudioContext(1, 1, 22050);
    const decoded = await context.decodeAudioData(await blob.arrayBuffer());
    return shapeOf(decoded.getChannelData(0), decoded.duration);
  } catch {
    return null;
  }
}

function shapeOf(samples, duration) {
  const shape = { min: [], max: [], rms: [], duration };
  for (let point = 0; point < POINTS; point += 1) {
    const part = samples.subarray(Math.floor((point * samples.length) / POINTS), Math.floor(((point + 1) * samples.length) / POINTS));
    let [low, high, squares] = [0, 0, 0];
    for (const value of part) {
      if (value < low) low = value;
      if (value > high) high = value;
      squares += value * value;
    }
    shape.min.push(low);
    shape.max.push(high);
    shape.rms.push(Math.sqrt(squares / Math.max(1, part.length)));
  }
  return shape;
}

/** One canvas. `load(wanted)` gives the shape when the canvas comes into view; `segment` {start, end} is marked. */
export class Waveform {
  #shape = null;
  #segment = null;
  #head = null;
  #load;
  #inView = false;
  #size = { width: 0, height: 0 };

  constructor(load, watchers) {
    this.#load = load;
    this.node = el("canvas", { class: "waveform", "aria-hidden": "true" });
    watchers.watch(this.node, this);
  }

  set segment(segment) {
    this.#segment = segment;
    this.draw();
  }

  /** Seconds into the sound, or null while it does not play. */
  set head(seconds) {
    if (seconds === this.#head) return;
    this.#head = seconds;
    this.draw();
  }

  /** Seconds at a place of the pointer. */
  secondsAt(event) {
    const box = this.node.getBoundingClientRect();
    return this.#shape ? Math.max(0, (event.clientX - box.left) / box.width) * this.#shape.duration : 0;
  }

  /** The canvas has come into view, or left it: what was scrolled past is not loaded. */
  async seen(is) {
    this.#inView = is;
    if (this.#shape || !is) return;
    this.#shape = await this.#load(() => this.#inView && this.node.isConnected);
    this.node.classList.toggle("is-drawn", this.#shape !== null);
    this.draw();
  }

  /** The canvas has this size now, in pixels of the page: told, as asking while others are drawn costs a layout each. */
  set size(size) {
    this.#size = size;
    this.draw();
  }

  draw() {
    const { width, height } = this.#size;
    if (!this.#shape || !width) return;
    const scale = window.devicePixelRatio || 1;
    this.node.width = Math.round(width * scale);
    this.node.height = Math.round(height * scale);
    const context = this.node.getContext("2d");
    context.scale(scale, scale);
    const style = getComputedStyle(this.node);
    const colour = (name) => style.getPropertyValue(name);
    const at = (seconds) => (seconds / this.#shape.duration) * width;
    const paint = (edge, core) => drawShape(context, this.#shape, width, height, edge, core);
    const part = this.#part;
    if (part) {
      context.fillStyle = colour("--accent-soft");
      context.fillRect(at(part.start), 0, Math.max(2, at(part.end - part.start)), height);
    }
    paint(colour("--wave-pale"), colour("--wave"));
    if (part) within(context, at(part.start), at(part.end), height, () => paint(colour("--accent"), colour("--accent")));
    if (this.#head === null) return;
    within(context, 0, at(this.#head), height, () => paint(colour("--accent"), colour("--accent")));
    context.fillStyle = colour("--ink");
    context.fillRect(at(this.#head) - 0.75, 0, 1.5, height);
  }

  /** The stretch that matched, unless that is the whole sound. */
  get #part() {
    const { duration } = this.#shape;
    return this.#segment && this.#segment.end - this.#segment.start < 0.9 * duration && duration > 10 ? this.#segment : null;
  }
}

/** The reach of the samples as an outline, their RMS as its core. */
function drawShape(context, { min, max, rms }, width, height, edge, core) {
  const loudest = Math.max(0.02, ...max, ...min.map((value) => -value)); // quiet sounds have a shape, too
  const middle = height / 2;
  const reach = (middle - 1.5) / loudest;
  const x = (at) => ((at + 0.5) / max.length) * width;
  const band = (upper, lower) => {
    context.beginPath();
    max.forEach((_, at) => context.lineTo(x(at), middle - upper(at) * reach));
    for (let at = max.length - 1; at >= 0; at -= 1) context.lineTo(x(at), middle - lower(at) * reach);
    context.closePath();
  };
  const centre = (at) => (max[at] + min[at]) / 2;
  const spread = (at) => Math.min(rms[at], (max[at] - min[at]) / 2);
  context.lineJoin = "round";
  context.lineWidth = 1.25;
  band((at) => max[at], (at) => min[at]);
  [context.fillStyle, context.strokeStyle] = [edge, edge];
  context.fill();
  context.stroke();
  band((at) => centre(at) + spread(at), (at) => centre(at) - spread(at));
  context.fillStyle = core;
  context.fill();
  context.lineWidth = 0.75;
  context.strokeStyle = core;
  context.stroke();
}

function within(context, left, right, height, paint) {
  context.save();
  context.beginPath();
  context.rect(left, 0, right - left, height);
  context.clip();
  paint();
  context.restore();
}

/** Tells waveforms that they are seen, or that they have another size. */
export class Watchers {
  #waves = new WeakMap();
  #seen = new IntersectionObserver(
    (entries) => entries.forEach((entry) => this.#waves.get(entry.target)?.seen(entry.isIntersecting)),
    { rootMargin: "200px" },
  );
  #sized = new ResizeObserver((entries) => entries.forEach((entry) => {
    const wave = this.#waves.get(entry.target);
    if (wave) wave.size = entry.contentRect;
  }));

  watch(node, wave) {
    this.#waves.set(node, wave);
    this.#seen.observe(node);
    this.#sized.observe(node);
  }

  /** The colours have changed. */
  redraw() {
    for (const node of document.querySelectorAll("canvas.waveform")) this.#waves.get(node)?.draw();
  }
}
