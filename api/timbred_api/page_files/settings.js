/** What a visitor sets once: colours, and whether pointing plays. Kept in the browser. */

import { byId, icon, keep } from "./dom.js";

const ICONS = { light: "sun", dark: "moon", auto: "auto" };
const NEXT = { auto: "dark", dark: "light", light: "auto" };

const system = matchMedia("(prefers-color-scheme: dark)");
const root = document.documentElement;
const theme = () => root.dataset.theme ?? "auto";

/** The button that goes from the system's colours to dark and light. `repaint`: what is drawn on canvases. */
export function listenToTheme(repaint) {
  const button = byId("theme");
  const paint = () => {
    root.classList.toggle("dark", theme() === "auto" ? system.matches : theme() === "dark");
    repaint();
  };
  const show = () => {
    button.replaceChildren(icon(ICONS[theme()]));
    button.title = `Colours: ${theme() === "auto" ? "as the system" : theme()}`;
    button.setAttribute("aria-label", button.title);
  };
  show();
  paint(); // the system may have changed its mind since the first script looked
  button.addEventListener("click", () => {
    const next = NEXT[theme()];
    if (next === "auto") delete root.dataset.theme;
    else root.dataset.theme = next;
    keep.set("theme", next);
    show();
    paint();
  });
  system.addEventListener("change", paint);
}

/** The switch for playing what is pointed at: off until somebody wants it. */
export function listenToHover(say) {
  const hover = byId("hover");
  hover.checked = keep.get("hover") === "on";
  hover.addEventListener("change", () => {
    keep.set("hover", hover.checked ? "on" : "off");
    say(hover.checked ? "Sounds play while you point at them." : "Sounds play when you ask for it.");
  });
}
