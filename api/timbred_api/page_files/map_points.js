/** The points of the map: typed arrays, where they are on the screen, and which one is near a place. Nothing is drawn. */

const CELLS = 128; // a side: some six points a cell at 100,000

/** Points in [-1, 1] with a grid over them: the nearest one is found in some cells, not among all. */
export class Points {
  /** `map`: the answer of /v1/map. */
  constructor(map) {
    this.sounds = map.sounds;
    this.x = Float32Array.from(map.x);
    this.y = Float32Array.from(map.y);
    this.count = this.sounds.length;
    this.at = new Map(this.sounds.map((id, index) => [id, index]));
    this.shuffled = shuffled(this.count);
    this.#sort();
  }

  /** Points of a cell lie together: `#order[#starts[cell]]` is its first. */
  #order;
  #starts;

  #sort() {
    this.#starts = new Uint32Array(CELLS * CELLS + 1);
    const cells = new Uint32Array(this.count);
    for (let index = 0; index < this.count; index += 1) {
      cells[index] = cellOf(this.y[index]) * CELLS + cellOf(this.x[index]);
      this.#starts[cells[index] + 1] += 1;
    }
    for (let cell = 0; cell < CELLS * CELLS; cell += 1) this.#starts[cell + 1] += this.#starts[cell];
    const next = this.#starts.slice();
    this.#order = new Uint32Array(this.count);
    for (let index = 0; index < this.count; index += 1) this.#order[next[cells[index]]++] = index;
  }

  /** The index of the point nearest to (x, y) within an ellipse of these half axes, or -1. */
  nearest(x, y, wide, high) {
    let best = -1;
    let least = 1;
    for (let row = cellOf(y - high); row <= cellOf(y + high); row += 1) {
      const from = this.#starts[row * CELLS + cellOf(x - wide)];
      const to = this.#starts[row * CELLS + cellOf(x + wide) + 1];
      for (let place = from; place < to; place += 1) {
        const index = this.#order[place];
        const distance = ((this.x[index] - x) / wide) ** 2 + ((this.y[index] - y) / high) ** 2;
        if (distance < least) [best, least] = [index, distance];
      }
    }
    return best;
  }

  /** The index of the point nearest to the mean of those that `belongs` takes. */
  middle(belongs) {
    const members = Array.from(this.x.keys()).filter(belongs);
    const mean = (values) => members.reduce((sum, index) => sum + values[index], 0) / members.length;
    const [x, y] = [mean(this.x), mean(this.y)];
    const far = (index) => (this.x[index] - x) ** 2 + (this.y[index] - y) ** 2;
    return members.reduce((best, index) => (far(index) < far(best) ? index : best));
  }

  /** The next point in a direction (a unit vector): near, and not far off to the side. -1 where there is none. */
  towards(from, dx, dy) {
    let best = -1;
    let least = Infinity;
    for (let index = 0; index < this.count; index += 1) {
      const [x, y] = [this.x[index] - this.x[from], this.y[index] - this.y[from]];
      const along = x * dx + y * dy;
      if (along <= 1e-6) continue;
      const cost = along + 3 * Math.abs(x * dy - y * dx);
      if (cost < least) [best, least] = [index, cost];
    }
    return best;
  }
}

/** 0 to `count` - 1 in a random order, the same every time: any first part of it is a fair sample. */
function shuffled(count) {
  const order = Uint32Array.from({ length: count }, (_, index) => index);
  let state = 1;
  for (let at = count - 1; at > 0; at -= 1) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0; // Numerical Recipes' generator
    const other = Math.floor((state / 2 ** 32) * (at + 1));
    [order[at], order[other]] = [order[other], order[at]];
  }
  return order;
}

const cellOf = (value) => Math.max(0, Math.min(CELLS - 1, Math.floor(((value + 1) / 2) * CELLS)));

const WIDEST = 2; // the axes have no common unit: a wide window may be filled, within reason

/** What part of the map is seen: `scale` pixels a unit of y, `scale * stretch` a unit of x; (x, y) in the middle. */
export class View {
  x = 0;
  y = 0;
  scale = 1;
  stretch = 1;
  #least = 1;

  constructor(width, height) {
    this.resize(width, height);
    this.fit();
  }

  resize(width, height) {
    this.width = width;
    this.height = height;
    const before = this.#least;
    this.stretch = Math.max(0.5, Math.min(WIDEST, width / height));
    this.#least = 0.46 * Math.min(width / this.stretch, height);
    this.scale *= this.#least / before;
  }

  /** Shows everything. */
  fit() {
    [this.x, this.y, this.scale] = [0, 0, this.#least];
  }

  /** Zooms around a place on the screen. */
  zoom(factor, left = this.width / 2, top = this.height / 2) {
    const [x, y] = [this.toX(left), this.toY(top)];
    this.scale = Math.max(this.#least * 0.6, Math.min(this.#least * 400, this.scale * factor));
    this.x = x - (left - this.width / 2) / this.#across;
    this.y = y + (top - this.height / 2) / this.scale;
    this.#hold();
  }

  /** Moves the map by pixels. */
  pan(right, down) {
    this.x -= right / this.#across;
    this.y += down / this.scale;
    this.#hold();
  }

  /** Moves as little as needed for a point to be seen. */
  reveal(x, y) {
    const [halfX, halfY] = [(0.45 * this.width) / this.#across, (0.45 * this.height) / this.scale];
    this.x = Math.max(x - halfX, Math.min(x + halfX, this.x));
    this.y = Math.max(y - halfY, Math.min(y + halfY, this.y));
  }

  /** Half axes of a circle of so many pixels. */
  reach(pixels) {
    return [pixels / this.#across, pixels / this.scale];
  }

  get #across() {
    return this.scale * this.stretch;
  }

  toX = (left) => this.x + (left - this.width / 2) / this.#across;
  toY = (top) => this.y - (top - this.height / 2) / this.scale;
  left = (x) => this.width / 2 + (x - this.x) * this.#across;
  top = (y) => this.height / 2 - (y - this.y) * this.scale;

  #hold() {
    this.x = Math.max(-1.2, Math.min(1.2, this.x));
    this.y = Math.max(-1.2, Math.min(1.2, this.y));
  }
}
