/** Attention as a heat map: a row for each symbol of the answer, a column for each of the source. It follows the pointer and arrow keys. */

import { END, element, percent, visible } from "./element.js";

const FONT = "13px ui-sans-serif, system-ui, sans-serif";
const LARGEST_CELL = 30;
const SMALLEST_CELL = 4;
const LEGIBLE = 11; // the narrowest cell that a label fits
const SECONDS_APART = 44; // pixels between labels of a sound
const GAP = 8;
const SLANT = Math.PI / 3;
const MOVES = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };

const RECOLOUR = "recolour"; // what each map on the page hears; one that was taken away is not held by it

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  for (const map of document.querySelectorAll(".heatmap")) map.dispatchEvent(new Event(RECOLOUR));
});

export class HeatMap {
  #weights; // (T + 1, S + 1)
  #isSound;
  #rows;
  #columns;
  #cell;
  #left;
  #top;
  #looked = null;
  #still = document.createElement("canvas");
  #canvas;
  #readout = element("output", { className: "readout" });

  /**
   * @param {string[]} source (S,) symbols
   * @param {string[]} answer (T,) symbols
   * @param {number[][]} weights (T + 1, S + 1) the ends of both are last; (T + 1, S) of a sound, which has no end
   * @param {{isSound?: boolean}} options whether the source is seconds: then not each of them needs its label
   */
  constructor(source, answer, weights, { isSound = false } = {}) {
    this.#weights = weights;
    this.#isSound = isSound;
    this.#columns = isSound ? source : [...source.map(visible), END];
    this.#rows = [...answer.map(visible), END];
    this.#canvas = element("canvas", {
      tabIndex: 0,
      role: "application", // it takes the arrow keys, which a screen reader would keep of a picture
      "aria-roledescription": "heat map",
      "aria-label": `Attention: where each symbol of the answer ${isSound ? "was heard" : "looked in the source"}. Arrow keys move.`,
      onpointermove: (event) => this.#point(event),
      onpointerdown: (event) => this.#point(event),
      onpointerleave: () => this.look(null),
      onkeydown: (event) => this.#move(event),
      onblur: () => this.look(null),
    });
    this.#readout.setAttribute("aria-live", "polite");
    this.element = element("figure", { className: "heatmap" }, this.#readout, element("div", { className: "scroll" }, this.#canvas));
    this.#say(null);
    new ResizeObserver(() => this.draw()).observe(this.element);
    this.element.addEventListener(RECOLOUR, () => this.draw());
  }

  /** Mark a whole row, one cell of it, or nothing. */
  look(row, column = null) {
    this.#looked = row === null ? null : { row, column };
    this.#say(this.#looked);
    this.#paint();
  }

  /** Measure and draw anew, for the width and colours that the page has now. */
  draw() {
    const width = this.element.clientWidth;
    if (!width) return;
    const pen = this.#still.getContext("2d");
    pen.font = FONT;
    const widest = (labels) => Math.ceil(Math.max(...labels.map((label) => pen.measureText(label).width)));
    const isSlanted = !this.#isSound && widest(this.#columns) > LEGIBLE + 4;
    const hasLabels = this.#isSound || isSlanted || (width - widest(this.#rows) - GAP) / this.#columns.length >= LEGIBLE;
    this.#left = hasLabels ? widest(this.#rows) + GAP : 1;
    this.#top = hasLabels ? (isSlanted ? Math.ceil(widest(this.#columns) * Math.sin(SLANT)) + 10 : 16) + GAP : 1;
    const overhang = isSlanted ? Math.ceil(widest(this.#columns) * Math.cos(SLANT)) : this.#isSound ? Math.ceil(widest(this.#columns) / 2) : 1;
    const room = Math.floor((width - this.#left - overhang) / this.#columns.length);
    this.#cell = Math.min(LARGEST_CELL, Math.max(room, hasLabels && !this.#isSound ? LEGIBLE : SMALLEST_CELL));
    const size = [this.#left + this.#cell * this.#columns.length + overhang, this.#top + this.#height * this.#rows.length + 1];
    for (const canvas of [this.#still, this.#canvas]) scale(canvas, ...size);
    this.#drawStill(hasLabels, isSlanted);
    this.#paint();
  }

  #drawStill(hasLabels, isSlanted) {
    const pen = this.#still.getContext("2d");
    const colours = getComputedStyle(this.element);
    const [wide, high] = [this.#cell, this.#height].map((size) => (size < LEGIBLE ? size : size - 1));
    pen.font = FONT;
    pen.fillStyle = colours.getPropertyValue("--heat");
    this.#weights.forEach((weights, row) =>
      weights.forEach((weight, column) => {
        pen.globalAlpha = 0.05 + 0.95 * Math.min(weight, 1) ** 0.7; // weak looks can be seen too
        pen.fillRect(...this.#corner(row, column), wide, high);
      }),
    );
    pen.globalAlpha = 1;
    if (!hasLabels) return;
    pen.fillStyle = colours.getPropertyValue("--text");
    pen.textBaseline = "middle";
    pen.textAlign = "right";
    this.#rows.forEach((label, row) => pen.fillText(label, this.#left - GAP, this.#corner(row, 0)[1] + this.#height / 2));
    pen.textAlign = isSlanted ? "left" : "center";
    const every = this.#isSound ? Math.ceil(SECONDS_APART / this.#cell) : 1;
    this.#columns.forEach((label, column) => column % every || this.#drawColumnLabel(pen, label, column, isSlanted));
  }

  #drawColumnLabel(pen, label, column, isSlanted) {
    pen.save();
    pen.translate(this.#corner(0, column)[0] + this.#cell / 2, this.#top - GAP);
    if (isSlanted) pen.rotate(-SLANT);
    pen.fillText(label, 0, 0);
    pen.restore();
  }

  /** The drawing with what is looked at framed. */
  #paint() {
    const pen = this.#canvas.getContext("2d");
    pen.clearRect(0, 0, this.#canvas.width, this.#canvas.height);
    if (!this.#still.width) return;
    pen.globalAlpha = 1; // what was framed before left another
    pen.drawImage(this.#still, 0, 0, parseFloat(this.#still.style.width), parseFloat(this.#still.style.height));
    if (!this.#looked) return;
    const { row, column } = this.#looked;
    const [right, bottom] = this.#corner(this.#rows.length, this.#columns.length);
    pen.strokeStyle = getComputedStyle(this.element).getPropertyValue("--text");
    pen.globalAlpha = 0.45;
    pen.strokeRect(this.#left - 0.5, this.#corner(row, 0)[1] - 0.5, right - this.#left, this.#height);
    if (column === null) return;
    pen.strokeRect(this.#corner(0, column)[0] - 0.5, this.#top - 0.5, this.#cell, bottom - this.#top);
    pen.globalAlpha = 1;
    pen.lineWidth = 2;
    const [x, y] = this.#corner(row, column);
    pen.strokeRect(x - 0.5, y - 0.5, this.#cell, this.#height);
    pen.lineWidth = 1;
  }

  #corner(row, column) {
    return [this.#left + column * this.#cell, this.#top + row * this.#height];
  }

  /** Of a row: square cells, but for the many narrow ones of a sound. */
  get #height() {
    return this.#isSound ? LARGEST_CELL : this.#cell;
  }

  #point(event) {
    const column = Math.floor((event.offsetX - this.#left) / this.#cell);
    const row = Math.floor((event.offsetY - this.#top) / this.#height);
    const isInside = row >= 0 && row < this.#rows.length && column >= 0 && column < this.#columns.length;
    this.look(isInside ? row : null, isInside ? column : null);
  }

  #move(event) {
    const move = MOVES[event.key];
    if (!move) return;
    event.preventDefault();
    const { row, column } = this.#looked ?? { row: 0, column: 0 };
    const step = this.#looked ? move : [0, 0];
    this.look(within(row + step[0], this.#rows.length), within((column ?? 0) + step[1], this.#columns.length));
  }

  #say(looked) {
    if (!looked) {
      this.#readout.value = this.#isSound ? "When each symbol was heard, in seconds" : "Where each symbol looked in the source";
      return;
    }
    const weights = this.#weights[looked.row];
    const column = looked.column ?? weights.indexOf(Math.max(...weights));
    this.#readout.value = `${this.#rows[looked.row]} ← ${this.#columns[column]}${this.#isSound ? " s" : ""}   ${percent(weights[column])}`;
  }
}

/** Give a canvas a size in CSS pixels, sharp on this screen. */
function scale(canvas, width, height) {
  const ratio = window.devicePixelRatio || 1;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  canvas.getContext("2d").scale(ratio, ratio);
}

function within(place, length) {
  return Math.min(Math.max(place, 0), length - 1);
}
