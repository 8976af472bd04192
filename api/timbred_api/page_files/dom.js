/** Elements from data. Text stays text: names of files are hostile, and nothing in the page parses HTML. */

const SVG = "http://www.w3.org/2000/svg";

const ICONS = {
  play: "M4 2.5v11l9-5.5z",
  stop: "M3.5 3.5h9v9h-9z",
  record: "M8 1.5a2.3 2.3 0 0 1 2.3 2.3v4a2.3 2.3 0 0 1-4.6 0v-4A2.3 2.3 0 0 1 8 1.5zM3.2 7.4h1.3a3.5 3.5 0 0 0 7 0h1.3a4.8 4.8 0 0 1-4.1 4.7v2.4H7.3v-2.4a4.8 4.8 0 0 1-4.1-4.7z",
  open: "M1.5 3h5l1.5 2h6.5v8.5h-13z",
  copy: "M5 1.5h8.5v10H11V13H2.5V4H5zM5 5.2H3.8v6.6h6V11.5H5zM6.3 2.8v7.4h5.9V2.8z",
  reveal: "M1.5 3h5l1.4 1.8h6.6V8H13V6.2H7.2L5.8 4.4H2.9v7.2h4.6V13h-6zM11 8.5l3.6 3-3.6 3v-2.2H8v-1.6h3z",
  details: "M2 5.2 3.1 4 8 8.9 12.9 4 14 5.2l-6 6z",
  sun: "M8 4.6a3.4 3.4 0 1 1 0 6.8 3.4 3.4 0 0 1 0-6.8zM7.3.8h1.4v2.4H7.3zm0 12h1.4v2.4H7.3zM.8 7.3h2.4v1.4H.8zm12 0h2.4v1.4h-2.4zM2.4 3.4l1-1 1.7 1.7-1 1zm8.5 8.5 1-1 1.7 1.7-1 1zM3.4 13.6l-1-1 1.7-1.7 1 1zm8.5-8.5-1-1 1.7-1.7 1 1z",
  moon: "M6.2 1.6a6.6 6.6 0 1 0 8.2 8.2A5.4 5.4 0 0 1 6.2 1.6z",
  auto: "M8 1.5a6.5 6.5 0 1 1 0 13 6.5 6.5 0 0 1 0-13zm0 1.4v10.2A5.1 5.1 0 0 0 8 2.9z",
};

/**
 * An element with properties (or attributes, where the element has no such property), listeners and children.
 * Children are nodes or text; null and undefined are left out.
 */
export function el(tag, properties = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null) continue;
    if (name === "class") node.className = value;
    else if (name === "on") for (const [event, listener] of Object.entries(value)) node.addEventListener(event, listener);
    else if (name === "data") Object.assign(node.dataset, value);
    else if (name in node && !name.startsWith("aria")) node[name] = value;
    else node.setAttribute(name, value);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return node;
}

/** A small sign, hidden from readers: whatever it stands on needs a name of its own. */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  for (const [key, value] of Object.entries({ viewBox: "0 0 16 16", width: "16", height: "16", "aria-hidden": "true" })) {
    svg.setAttribute(key, value);
  }
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}

/** A button of one sign; `label` is its name and its tooltip. */
export function iconButton(name, label, click, more = {}) {
  return el("button", { type: "button", class: "quiet", "aria-label": label, title: label, on: { click }, ...more }, icon(name));
}

/** Text with the words that were searched for marked. */
export function marked(text, words) {
  const wanted = words.filter(Boolean).map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  if (!wanted.length) return [text];
  return text.split(new RegExp(`(${wanted.join("|")})`, "iu")).map((part, at) => (at % 2 ? el("mark", {}, part) : part));
}

/** The element with this id, which the page has. */
export const byId = (id) => document.getElementById(id);

/** Whether movement is unwelcome. */
export const still = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

/** A setting kept between visits; `keep.get` gives null where the browser keeps nothing. */
export const keep = {
  get(name) {
    try {
      return localStorage.getItem(name);
    } catch {
      return null;
    }
  },
  set(name, value) {
    try {
      localStorage.setItem(name, value);
    } catch {
      // Then for this visit only.
    }
  },
};
