/** The map of the library: near sounds lie together. Point to see (and hear) one, click to search by it. */

import { get } from "./api.js";
import { el, keep } from "./dom.js";
import { duration, fileName, many } from "./format.js";
import { drawerFor } from "./map_draw.js";
import { Pace } from "./map_pace.js";
import { Points, View } from "./map_points.js";

// Twelve hues that stay apart for most eyes, on light and on dark; a thirteenth folder begins again.
const HUES = { light: ["#c2410c", "#1d6fa5", "#3f7d20", "#8b3fa8", "#b58900", "#0f8a7e", "#c02660", "#5a5fcf", "#7a5230", "#4a8fb8", "#8a9a1b", "#6b6b6b"], dark: ["#ff8b52", "#5fb4ee", "#8fd163", "#cf8be8", "#f0c648", "#4fd6c6", "#ff7fae", "#9a9dff", "#cfa37a", "#9ad4f2", "#d5e05b", "#b3ada4"] };
const REACH = 14; // pixels from the pointer to a point
const STEP = 80; // pixels that Shift and an arrow move
const ENOUGH = 15000; // points that are drawn at least while the map moves
const REST_MS = 120; // after that the map is not moving, and all of it is drawn

export class SoundMap {
  #tools;
  #node;
  #canvas = el("canvas", { class: "points" });
  #over = el("canvas", { class: "over", tabIndex: 0, role: "application", "aria-label": "Map of the library: arrows go from sound to sound, Enter searches, Space plays", "aria-describedby": "map-said" });
  #tip = el("div", { class: "tip", hidden: true });
  #said = el("p", { class: "lead", id: "map-said", role: "status" });
  #legend = el("ul", { class: "legend" });
  #colouring;
  #drawer = null;
  #map = null;
  #points = null;
  #view = null;
  #here = -1;
  #only = null;
  #drag = null;
  #frame = 0;
  #pace = null;
  #rest = 0;
  #due = null;
  #rows = new Map();
  #middles = new Map();

  /** `tools`: player, hovers(), go(id), found(): ids of the answer that is shown. */
  constructor(node, tools) {
    this.#node = node;
    this.#tools = tools;
    const colour = (by, label) => el("button", { type: "button", data: { by }, on: { click: () => this.#colourBy(by) } }, label);
    this.#colouring = el("div", { class: "presets", role: "group", "aria-label": "Colour" }, colour("cluster", "By likeness"), colour("folder", "By folder"));
    const zoom = (sign, label, run) => el("button", { type: "button", "aria-label": label, title: label, on: { click: () => this.#move(run) } }, sign);
    const tools_ = el("div", { class: "zoom" }, zoom("+", "Nearer", (view) => view.zoom(1.6)), zoom("−", "Farther", (view) => view.zoom(1 / 1.6)), zoom("0", "All", (view) => view.fit()));
    node.append(el("div", { class: "map-head" }, this.#said, this.#colouring), el("div", { class: "map" }, this.#canvas, this.#over, this.#tip, tools_), this.#legend);
    this.#listen();
  }

  set shown(is) {
    if (is) this.#open();
    else this.#point(-1);
  }

  /** The colours have changed, or the answer that is marked. */
  redraw() {
    if (this.#points) this.#colour();
  }

  async #open() {
    if (!this.#map) this.#said.textContent = "The sounds are being laid out…";
    try {
      const map = await get("/v1/map");
      if (map.seq !== this.#map?.seq) this.#load(map);
      this.#resize();
    } catch (problem) {
      this.#said.textContent = problem.message;
    }
  }

  #load(map) {
    this.#map = map;
    this.#points = new Points(map);
    this.#pace = new Pace(ENOUGH / Math.max(1, this.#points.count));
    this.#middles.clear();
    this.#drawer ??= drawerFor(this.#canvas);
    this.#said.textContent = map.sounds.length ? `${many(map.sounds.length, "sound")}; what sounds alike lies together.` : "There is nothing to be shown yet.";
    const by = keep.get("map-colour") ?? (Object.keys(map.folders).length > 1 ? "folder" : "cluster");
    this.#colourBy(by);
  }

  #colourBy(by) {
    keep.set("map-colour", by);
    this.#only = null;
    for (const button of this.#colouring.children) button.setAttribute("aria-pressed", String(button.dataset.by === by));
    this.#colour();
  }

  get #by() {
    return this.#colouring.querySelector("[aria-pressed=true]")?.dataset.by ?? "cluster";
  }

  get #hues() {
    return HUES[document.documentElement.classList.contains("dark") ? "dark" : "light"];
  }

  #colour() {
    const groups = this.#map[this.#by];
    const known = [...new Set(groups)].sort((one, other) => one - other);
    const place = new Map(known.map((group, at) => [group, at]));
    const rgb = this.#hues.map((hue) => [1, 3, 5].map((at) => Number.parseInt(hue.slice(at, at + 2), 16)));
    const colours = new Uint8Array(4 * this.#points.count);
    groups.forEach((group, index) => colours.set([...rgb[place.get(group) % rgb.length], this.#only === null || this.#only === group ? 215 : 26], 4 * index));
    this.#drawer.load(this.#points, colours);
    this.#showLegend(known);
    this.#draw();
  }

  #showLegend(known) {
    const items = known.slice(0, 24).map((group, at) => {
      const swatch = el("span", { class: "swatch" });
      swatch.style.backgroundColor = this.#hues[at % this.#hues.length];
      const click = () => {
        this.#only = this.#only === group ? null : group;
        this.#colour();
        this.#legend.children[at]?.firstChild.focus();
      };
      const name = el("span", {}, this.#by === "folder" ? fileName(this.#map.folders[group] ?? "") : `Group ${at + 1}`);
      if (this.#by === "cluster") this.#nameCluster(group, name);
      return el("li", {}, el("button", { type: "button", class: "quiet", "aria-pressed": String(this.#only === group), on: { click } }, swatch, name));
    });
    this.#legend.replaceChildren(...items);
    this.#legend.hidden = known.length < 2;
  }

  /** A cluster is known by the sound in its middle. */
  async #nameCluster(group, name) {
    if (!this.#middles.has(group)) this.#middles.set(group, this.#points.middle((index) => this.#map.cluster[index] === group));
    const sound = await this.#rowOf(this.#points.sounds[this.#middles.get(group)]);
    if (sound) name.textContent = `like ${sound.label}`;
  }

  #listen() {
    const over = this.#over;
    new ResizeObserver(() => this.#resize()).observe(over);
    this.#canvas.addEventListener("restored", () => this.#draw());
    over.addEventListener("wheel", (event) => {
      event.preventDefault();
      this.#move((view) => view.zoom(Math.exp(-event.deltaY * (event.ctrlKey ? 0.01 : 0.0015)), event.offsetX, event.offsetY));
    }, { passive: false });
    over.addEventListener("pointerdown", (event) => this.#grab(event));
    over.addEventListener("pointermove", (event) => (this.#drag ? this.#pull(event) : this.#hoverAt(event)));
    over.addEventListener("pointerup", (event) => this.#release(event));
    over.addEventListener("pointerleave", () => this.#drag || this.#point(-1));
    over.addEventListener("keydown", (event) => this.#key(event));
    over.addEventListener("blur", () => this.#point(-1));
  }

  #resize() {
    const { width, height } = this.#over.getBoundingClientRect();
    if (!width) return;
    const density = window.devicePixelRatio || 1;
    for (const canvas of [this.#canvas, this.#over]) [canvas.width, canvas.height] = [Math.round(width * density), Math.round(height * density)];
    if (this.#view) this.#view.resize(width, height);
    else this.#view = new View(width, height);
    this.#draw();
  }

  #move(run) {
    if (!this.#view) return;
    run(this.#view);
    this.#draw(true);
    clearTimeout(this.#rest);
    if (this.#pace && this.#pace.share < 1) this.#rest = setTimeout(() => this.#draw(), REST_MS);
  }

  /** Has the points drawn with the next frame: a sample of them while they move, if all would take too long. */
  #draw(moving = false) {
    this.#due = moving ? "some" : "all";
    this.#mark();
  }

  /** Has the rings drawn with the next frame, and what else is due. */
  #mark() {
    cancelAnimationFrame(this.#frame);
    this.#frame = requestAnimationFrame((now) => this.#paint(now));
  }

  #paint(now) {
    if (!this.#view || !this.#points) return;
    const fullness = Math.sqrt(2000 / Math.max(2000, this.#points.count));
    const radius = Math.max(1, Math.min(7, (4.2 * fullness + 0.6) * Math.min(2.2, Math.sqrt(this.#view.scale / 350))));
    if (this.#due) this.#drawer.draw(this.#view, radius, this.#due === "some" ? this.#pace.share : 1);
    if (this.#due === "some") requestAnimationFrame((next) => this.#pace.took(next - now));
    this.#due = null;
    this.#drawMarks(radius);
  }

  /** Rings around the answer's sounds, and the one that is pointed at. */
  #drawMarks(radius) {
    const context = this.#over.getContext("2d");
    const density = window.devicePixelRatio || 1;
    const colours = getComputedStyle(this.#node);
    context.setTransform(density, 0, 0, density, 0, 0);
    context.clearRect(0, 0, this.#view.width, this.#view.height);
    const ring = (index, size, colour, width) => {
      context.beginPath();
      context.arc(this.#view.left(this.#points.x[index]), this.#view.top(this.#points.y[index]), radius + size, 0, 2 * Math.PI);
      [context.strokeStyle, context.lineWidth] = [colour, width];
      context.stroke();
    };
    const { asked, ids } = this.#tools.found();
    for (const id of ids) if (this.#points.at.has(id)) ring(this.#points.at.get(id), 2.5, colours.getPropertyValue("--ink"), 1.25);
    if (this.#points.at.has(asked)) ring(this.#points.at.get(asked), 5, colours.getPropertyValue("--accent"), 2.5);
    if (this.#here >= 0) ring(this.#here, 4, colours.getPropertyValue("--ink"), 2);
  }

  #hoverAt(event) {
    if (!this.#view || !this.#points) return;
    const [x, y] = [this.#view.toX(event.offsetX), this.#view.toY(event.offsetY)];
    this.#point(this.#points.nearest(x, y, ...this.#view.reach(REACH)));
  }

  /** Points at a sound, or at none. */
  async #point(index) {
    if (index === this.#here) return;
    this.#here = index;
    this.#over.classList.toggle("is-pointing", index >= 0);
    this.#mark();
    this.#tip.hidden = true;
    if (index < 0) return this.#tools.hovers() ? this.#tools.player.stop() : undefined;
    const sound = await this.#rowOf(this.#points.sounds[index]);
    if (!sound || index !== this.#here) return;
    this.#showTip(sound);
    if (this.#tools.hovers()) this.#tools.player.playSound(sound);
  }

  #showTip(sound) {
    this.#tip.replaceChildren(el("strong", {}, sound.label), el("span", {}, `${duration(sound.duration)} · ${sound.format}`));
    const left = this.#view.left(this.#points.x[this.#here]);
    const right = left > this.#view.width - 240;
    this.#tip.style.insetInlineStart = right ? "auto" : `${left + 14}px`;
    this.#tip.style.insetInlineEnd = right ? `${this.#view.width - left + 14}px` : "auto";
    this.#tip.style.insetBlockStart = `${Math.max(4, this.#view.top(this.#points.y[this.#here]) - 18)}px`;
    this.#tip.hidden = false;
    this.#said.textContent = `${sound.label}, ${duration(sound.duration)}`;
  }

  #rowOf(id) {
    if (this.#rows.size > 500) this.#rows.clear();
    if (!this.#rows.has(id)) this.#rows.set(id, get(`/v1/sounds/${id}`).catch(() => null));
    return this.#rows.get(id);
  }

  #grab(event) {
    this.#over.setPointerCapture(event.pointerId);
    this.#drag = { x: event.offsetX, y: event.offsetY, moved: false };
  }

  #pull(event) {
    const [right, down] = [event.offsetX - this.#drag.x, event.offsetY - this.#drag.y];
    if (!this.#drag.moved && Math.hypot(right, down) < 4) return;
    this.#drag = { x: event.offsetX, y: event.offsetY, moved: true };
    this.#point(-1);
    this.#move((view) => view.pan(right, down));
  }

  #release(event) {
    const { moved } = this.#drag ?? { moved: true };
    this.#drag = null;
    if (moved) return;
    this.#hoverAt(event);
    if (this.#here >= 0) this.#tools.go(this.#points.sounds[this.#here]);
  }

  #key(event) {
    const arrow = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
    if (!this.#view || !this.#points?.count || event.altKey || event.ctrlKey || event.metaKey) return;
    const sound = this.#points.sounds[this.#here];
    if (arrow && event.shiftKey) this.#move((view) => view.pan(-arrow[0] * STEP, arrow[1] * STEP));
    else if (arrow) this.#step(...arrow);
    else if (event.key === "+" || event.key === "=") this.#move((view) => view.zoom(1.4));
    else if (event.key === "-") this.#move((view) => view.zoom(1 / 1.4));
    else if (event.key === "0") this.#move((view) => view.fit());
    else if (event.key === "Enter" && sound) this.#tools.go(sound);
    else if (event.key === " " && sound) this.#rowOf(sound).then((row) => row && (this.#tools.player.key === sound ? this.#tools.player.stop() : this.#tools.player.playSound(row)));
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  #step(dx, dy) {
    const middle = this.#points.at.get(this.#tools.found().asked) ?? Math.max(0, this.#points.nearest(this.#view.x, this.#view.y, 3, 3));
    const to = this.#here < 0 ? middle : this.#points.towards(this.#here, dx, dy);
    if (to < 0) return;
    this.#view.reveal(this.#points.x[to], this.#points.y[to]);
    this.#point(to);
  }
}
