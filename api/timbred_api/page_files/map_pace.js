/** How much of the map is drawn while it moves: everything where the machine keeps up, a fair sample where it does not. */

const SLOW_MS = 25; // more than one frame of a usual screen
const QUICK_MS = 19;
const ASLEEP_MS = 1000; // the page was not seen in between: that says nothing of the machine
const LESS = 0.7;
const MORE = 1.15;

export class Pace {
  #least;

  /** `least`: the smallest share that still looks like the map. */
  constructor(least) {
    this.#least = Math.min(1, least);
    this.share = 1;
  }

  /** A frame took so many milliseconds, until the next one could be drawn. */
  took(ms) {
    if (ms > ASLEEP_MS) return;
    if (ms > SLOW_MS) this.share = Math.max(this.#least, this.share * LESS);
    else if (ms < QUICK_MS) this.share = Math.min(1, this.share * MORE);
  }
}
