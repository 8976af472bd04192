/** Sounds from outside: dropped anywhere, chosen as a file, or recorded. */

import { byId, el, icon } from "./dom.js";
import { DRAGGED } from "./give.js";
import { clock } from "./format.js";

const LONGEST_S = 60;

/** `take` gets ("upload", file, name), ("uri", text), or ("id", text). */
export function listenForDrops(take) {
  const veil = byId("drop");
  const wanted = ({ types }) => ["Files", "text/uri-list", DRAGGED].some((type) => types.includes(type));
  const ours = (event) => event.dataTransfer?.types.includes(DRAGGED);
  document.addEventListener("dragover", (event) => {
    if (!event.dataTransfer || !wanted(event.dataTransfer)) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = "copy";
    veil.hidden = ours(event);
  });
  const hide = () => {
    veil.hidden = true;
  };
  document.addEventListener("dragleave", (event) => event.relatedTarget === null && hide());
  document.addEventListener("dragend", hide);
  document.addEventListener("drop", (event) => {
    hide();
    if (!event.dataTransfer || !wanted(event.dataTransfer)) return;
    event.preventDefault();
    if (ours(event)) return; // let go over the page again
    const [file] = event.dataTransfer.files;
    const uri = event.dataTransfer.getData("text/uri-list").split(/\r?\n/).find((line) => line.startsWith("file://"));
    if (file) take("upload", file, file.name);
    else if (uri) take("uri", uri);
  });
}

/** The button that opens a file. */
export function listenForFiles(button, field, take) {
  button.append(icon("open"), el("span", {}, "Open"));
  button.title = "Search by a sound file";
  button.addEventListener("click", () => field.click());
  field.addEventListener("change", () => {
    const [file] = field.files;
    field.value = "";
    if (file) take("upload", file, file.name);
  });
}

/** The button that records: once to begin, once to end and search. */
export class Recorder {
  #button;
  #label = el("span", {}, "Record");
  #take;
  #say;
  #recording = null;
  #timer = 0;

  constructor(button, take, say) {
    this.#button = button;
    this.#take = take;
    this.#say = say;
    button.append(icon("record"), this.#label);
    button.title = "Record a sound with the microphone and search by it";
    button.hidden = !("MediaRecorder" in window && navigator.mediaDevices);
    button.addEventListener("click", () => (this.#recording ? this.stop() : this.#start()));
  }

  stop() {
    this.#recording?.stop();
  }

  async #start() {
    let stream;
    try {
      // As it is: what makes voices clear in calls changes sounds.
      stream = await navigator.mediaDevices.getUserMedia({ audio: { echoCancellation: false, noiseSuppression: false, autoGainControl: false } });
    } catch (error) {
      return this.#say(error.name === "NotAllowedError" ? "The browser was not allowed to use the microphone." : "There is no microphone to record with.");
    }
    const parts = [];
    this.#recording = new MediaRecorder(stream);
    this.#recording.addEventListener("dataavailable", (event) => parts.push(event.data));
    this.#recording.addEventListener("stop", () => this.#ended(stream, parts));
    this.#recording.start();
    this.#count(performance.now());
  }

  #count(began) {
    const seconds = (performance.now() - began) / 1000;
    this.#button.setAttribute("aria-pressed", "true");
    this.#label.textContent = `Stop ${clock(seconds)}`;
    if (seconds > LONGEST_S) return this.stop();
    this.#timer = setTimeout(() => this.#count(began), 250);
  }

  #ended(stream, parts) {
    clearTimeout(this.#timer);
    for (const track of stream.getTracks()) track.stop();
    const type = this.#recording.mimeType;
    this.#recording = null;
    this.#button.setAttribute("aria-pressed", "false");
    this.#label.textContent = "Record";
    const blob = new Blob(parts, { type });
    if (blob.size) this.#take("upload", blob, "Recording");
  }
}
