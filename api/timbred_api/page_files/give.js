/** What leaves the page: a sound dragged out, its path copied, its file shown in the file manager, its label. */

import { call, exists } from "./api.js";
import { el, iconButton } from "./dom.js";
import { fileName } from "./format.js";

/** The mark of a sound that is dragged from this page: dropped on it again, it is searched by, not uploaded. */
export const DRAGGED = "application/x-timbred-sound";

// Chromium puts about:blank#blocked in the place of a file's URI, and whoever takes that misses the path beside it.
const GUARDS_FILES = "userAgentData" in navigator;

/**
 * Lets a node be dragged out. It hands over the path as text, the file's own URI where the browser lets it through, and
 * to Chromium what it may save a copy of (DownloadURL, which it does not do on every system).
 */
export function draggable(node, sound) {
  node.draggable = true;
  node.addEventListener("dragstart", (event) => {
    const name = fileName(sound.path).replaceAll(":", "_");
    const from = `${location.origin}/v1/sounds/${sound.sound_id}/audio`;
    event.dataTransfer.effectAllowed = "copyLink";
    event.dataTransfer.setData("DownloadURL", `application/octet-stream:${name}:${from}`);
    if (!GUARDS_FILES) event.dataTransfer.setData("text/uri-list", sound.uri);
    event.dataTransfer.setData("text/plain", sound.path);
    event.dataTransfer.setData(DRAGGED, String(sound.sound_id));
  });
}

/** A button that copies the path, and says that it did. */
export function copyButton(sound, say) {
  return iconButton("copy", "Copy the path", () => copyPath(sound, say));
}

export async function copyPath(sound, say) {
  try {
    await navigator.clipboard.writeText(sound.path);
    say(`Copied: ${sound.path}`);
  } catch {
    say("The browser does not let the page copy. The path stands under the sound's details.");
  }
}

/** Shows files in the file manager, where the daemon can do that. */
export class Revealer {
  #known = null;

  /** A button that appears once it is known that this can be done. */
  button(sound, say) {
    const button = iconButton("reveal", "Show in the file manager", () => this.#reveal(sound, button, say), { hidden: true });
    this.#known ??= exists(`/v1/sounds/${sound.sound_id}/reveal`).catch(() => false);
    this.#known.then((can) => {
      button.hidden = !can;
    });
    return button;
  }

  async #reveal(sound, button, say) {
    try {
      await call("POST", `/v1/sounds/${sound.sound_id}/reveal`);
    } catch (problem) {
      if (problem.status === 404 || problem.status === 501) {
        this.#known = Promise.resolve(false);
        button.hidden = true;
      }
      say(problem.message);
    }
  }
}

/** A field for the label. Enter keeps it, Escape does not; `changed` gets the sound's new row. */
export function labelField(sound, changed, say) {
  const field = el("input", { value: sound.label, maxLength: 500, "aria-label": "Label", spellcheck: false });
  const save = async (label) => {
    try {
      const row = await call("PATCH", `/v1/sounds/${sound.sound_id}`, { json: { label } });
      field.value = row.label;
      changed(row);
      say(label ? `Labelled: ${row.label}` : `Back to the file's name: ${row.label}`);
    } catch (problem) {
      say(problem.message);
    }
  };
  const submit = (event) => {
    event.preventDefault();
    save(field.value.trim() || null);
  };
  field.addEventListener("keydown", (event) => {
    if (event.key === "Escape") field.value = sound.label;
  });
  return el("form", { class: "label-field", on: { submit } }, el("label", {}, "Label ", field), el("button", {}, "Keep"));
}
