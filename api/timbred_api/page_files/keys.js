/** The keyboard. Keys of one letter or sign can be switched off, for those who speak to their machine. */

import { byId, keep } from "./dom.js";

const SETTING = "single-keys";

/** `acts`: name → what to do: search, next, previous, play, details, copy, hover, map, back, help, stop. */
export function listenForKeys(acts) {
  const single = byId(SETTING);
  single.checked = keep.get(SETTING) !== "off";
  single.addEventListener("change", () => keep.set(SETTING, single.checked ? "on" : "off"));
  const letters = { "/": acts.search, "?": acts.help, i: acts.details, c: acts.copy, h: acts.hover, m: acts.map };

  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    const { target, key } = event;
    if (key === "Escape") return acts.stop();
    if (isText(target)) {
      if (key === "ArrowDown" && target.id === "words") use(event, acts.next);
      return;
    }
    if (single.checked && key in letters) use(event, letters[key]);
    else if (key === "Backspace") use(event, acts.back);
    else if (usesArrows(target)) return;
    else if (key === "ArrowDown") use(event, acts.next);
    else if (key === "ArrowUp") use(event, acts.previous);
    else if (key === " " && !target.closest("button, summary, input")) use(event, acts.play);
  });
}

function use(event, act) {
  event.preventDefault();
  act();
}

const isText = (node) => node.closest("textarea, select, input:not([type=range], [type=checkbox])") !== null;

const usesArrows = (node) => node.closest("input[type=range], select") !== null;
