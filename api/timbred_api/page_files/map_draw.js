/** Draws points: all of them in one WebGL call, or on a plain canvas where there is no WebGL. */

const VERTEX = `
attribute vec2 place;
attribute vec4 colour;
uniform vec2 middle;
uniform vec2 zoom;
uniform float size;
varying vec4 shade;
void main() {
  gl_Position = vec4((place - middle) * zoom, 0.0, 1.0);
  gl_PointSize = colour.a > 0.5 ? size : size * 0.6;
  shade = colour;
}`;

const FRAGMENT = `
precision mediump float;
varying vec4 shade;
void main() {
  float far = length(gl_PointCoord - 0.5) * 2.0;
  float edge = 1.0 - smoothstep(0.75, 1.0, far);
  gl_FragColor = vec4(shade.rgb * edge * shade.a, edge * shade.a);
}`;

/**
 * A drawer for this canvas: `load(points, colours)`, then `draw(view, radius, share)`. Colours are 4 bytes a point; `share`
 * of the points, in their random order, are drawn.
 */
export function drawerFor(canvas) {
  const gl = canvas.getContext("webgl", { antialias: false, premultipliedAlpha: true });
  return gl ? new WebGlDrawer(canvas, gl) : new PlainDrawer(canvas);
}

class WebGlDrawer {
  #canvas;
  #gl;
  #uniforms;
  #places;
  #colours;
  #count = 0;
  #loaded = null;

  constructor(canvas, gl) {
    this.#canvas = canvas;
    this.#gl = gl;
    this.#prepare();
    canvas.addEventListener("webglcontextlost", (event) => event.preventDefault());
    canvas.addEventListener("webglcontextrestored", () => {
      this.#prepare();
      if (this.#loaded) this.load(...this.#loaded);
      canvas.dispatchEvent(new Event("restored"));
    });
  }

  load(points, colours) {
    const gl = this.#gl;
    this.#loaded = [points, colours];
    this.#count = points.count;
    const places = new Float32Array(2 * points.count);
    const shades = new Uint32Array(points.count);
    const given = new Uint32Array(colours.buffer);
    points.shuffled.forEach((index, at) => {
      places[2 * at] = points.x[index];
      places[2 * at + 1] = points.y[index];
      shades[at] = given[index];
    });
    gl.bindBuffer(gl.ARRAY_BUFFER, this.#places);
    gl.bufferData(gl.ARRAY_BUFFER, places, gl.STATIC_DRAW);
    gl.bindBuffer(gl.ARRAY_BUFFER, this.#colours);
    gl.bufferData(gl.ARRAY_BUFFER, shades, gl.STATIC_DRAW);
  }

  draw(view, radius, share) {
    const gl = this.#gl;
    const density = window.devicePixelRatio || 1;
    gl.viewport(0, 0, this.#canvas.width, this.#canvas.height);
    gl.clearColor(0, 0, 0, 0);
    gl.clear(gl.COLOR_BUFFER_BIT);
    gl.uniform2f(this.#uniforms.middle, view.x, view.y);
    gl.uniform2f(this.#uniforms.zoom, (2 * view.scale * view.stretch) / view.width, (2 * view.scale) / view.height);
    gl.uniform1f(this.#uniforms.size, 2 * radius * density);
    gl.drawArrays(gl.POINTS, 0, Math.ceil(share * this.#count));
  }

  #prepare() {
    const gl = this.#gl;
    const program = gl.createProgram();
    for (const [kind, source] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]]) {
      const shader = gl.createShader(kind);
      gl.shaderSource(shader, source);
      gl.compileShader(shader);
      gl.attachShader(program, shader);
    }
    gl.linkProgram(program);
    gl.useProgram(program);
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
    this.#uniforms = Object.fromEntries(["middle", "zoom", "size"].map((name) => [name, gl.getUniformLocation(program, name)]));
    this.#places = this.#attribute(program, "place", 2, gl.FLOAT, false);
    this.#colours = this.#attribute(program, "colour", 4, gl.UNSIGNED_BYTE, true);
  }

  #attribute(program, name, size, type, normalised) {
    const gl = this.#gl;
    const buffer = gl.createBuffer();
    const place = gl.getAttribLocation(program, name);
    gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
    gl.enableVertexAttribArray(place);
    gl.vertexAttribPointer(place, size, type, normalised, 0, 0);
    return buffer;
  }
}

class PlainDrawer {
  #canvas;
  #points = null;
  #colours = null;

  constructor(canvas) {
    this.#canvas = canvas;
  }

  load(points, colours) {
    [this.#points, this.#colours] = [points, colours];
  }

  draw(view, radius, share) {
    const context = this.#canvas.getContext("2d");
    const density = window.devicePixelRatio || 1;
    context.setTransform(density, 0, 0, density, 0, 0);
    context.clearRect(0, 0, view.width, view.height);
    const shown = Math.ceil(share * (this.#points?.count ?? 0));
    for (const index of this.#points?.shuffled.subarray(0, shown) ?? []) {
      const [left, top] = [view.left(this.#points.x[index]), view.top(this.#points.y[index])];
      if (left < 0 || top < 0 || left > view.width || top > view.height) continue;
      const [red, green, blue, alpha] = this.#colours.subarray(4 * index, 4 * index + 4);
      context.fillStyle = `rgb(${red} ${green} ${blue} / ${alpha / 255})`;
      context.fillRect(left - radius * 0.8, top - radius * 0.8, 1.6 * radius, 1.6 * radius);
    }
  }
}
