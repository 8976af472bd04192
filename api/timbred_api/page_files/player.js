/** One sound at a time. Whoever shows a sound asks here how far it is. */

import { address } from "./api.js";

const PLAIN = { wav: "audio/wav", mp3: "audio/mpeg", flac: "audio/flac", ogg: "audio/ogg", opus: "audio/ogg", m4a: "audio/mp4", aac: "audio/aac" };

export class Player extends EventTarget {
  #audio = new Audio();
  #key = null;
  #fallback = null;
  #frame = 0;

  constructor() {
    super();
    this.#audio.preload = "auto";
    this.#audio.addEventListener("ended", () => this.stop());
    this.#audio.addEventListener("error", () => this.#failed());
    this.#audio.hidden = true;
    document.body.append(this.#audio);
  }

  /** What plays: a sound's id, or an upload's address; null for nothing. */
  get key() {
    return this.#key;
  }

  /** Seconds into the sound that plays. */
  get time() {
    return this.#audio.currentTime;
  }

  /** Plays a known sound from `start` seconds. What the browser cannot decode is asked for as WAV. */
  async playSound(sound, start = 0) {
    const base = `/v1/sounds/${sound.sound_id}/audio`;
    const wav = address(base, { format: "wav" });
    const type = PLAIN[sound.format];
    const direct = type && this.#audio.canPlayType(type);
    await this.#play(sound.sound_id, direct ? base : wav, direct ? wav : null, start);
  }

  /** Plays a sound that is only here. */
  async playUpload(upload) {
    await this.#play(upload.address, upload.address, null, 0);
  }

  stop() {
    if (this.#key === null) return;
    this.#audio.pause();
    cancelAnimationFrame(this.#frame);
    this.#key = null;
    this.dispatchEvent(new Event("change"));
  }

  async #play(key, source, fallback, start) {
    this.#key = key;
    this.#fallback = fallback;
    this.#audio.src = source;
    this.#audio.currentTime = start;
    this.dispatchEvent(new Event("change"));
    try {
      await this.#audio.play();
    } catch (error) {
      if (error.name === "NotAllowedError") this.#say("The browser plays nothing before the first click on the page.");
      return; // AbortError: something else plays by now; the others come as an error event
    }
    cancelAnimationFrame(this.#frame);
    this.#tick();
  }

  #tick() {
    if (this.#key === null) return;
    this.dispatchEvent(new Event("time"));
    this.#frame = requestAnimationFrame(() => this.#tick());
  }

  #failed() {
    if (this.#key === null) return;
    if (this.#fallback === null) return this.#say("This sound cannot be played.");
    this.#play(this.#key, this.#fallback, null, this.#audio.currentTime);
  }

  #say(sentence) {
    this.stop();
    this.dispatchEvent(new CustomEvent("trouble", { detail: sentence }));
  }
}
