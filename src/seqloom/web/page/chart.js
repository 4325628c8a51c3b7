/** A line through what was, a line and bands through what is forecast. It follows the pointer and arrow keys. */

import { momentOf, numberMarks, timeMarks } from "./axes.js";
import { element } from "./element.js";

const SVG = "http://www.w3.org/2000/svg";
const HEIGHT = 260;
const TOP = 10;
const BOTTOM = 26;
const RIGHT = 14;
const CHARACTER = 7.2; // pixels, at the most, of a label's figures
const MOVES = { ArrowLeft: -1, ArrowRight: 1, PageUp: -10, PageDown: 10, Home: -Infinity, End: Infinity };

export class Chart {
  #points; // {time, past?, value?, levels?: Map<quantile, value>}, in their order
  #begin; // how many of them are past
  #levels; // quantiles, from the lowest
  #moments; // milliseconds each, or their places
  #axis; // "time" where all times are dates, "number" where they are numbers, else "place"
  #looked = null;
  #scale;
  #svg;
  #readout = element("output", { className: "readout" });

  /**
   * @param {string} name what is drawn
   * @param {{time: string, value: number}[]} past the oldest first; a value that is missing is NaN
   * @param {{time: string, value: number, levels: Map<number, number>}[]} coming
   */
  constructor(name, past, coming) {
    this.#points = [...past.map(({ time, value }) => ({ time, past: value })), ...coming];
    this.#begin = past.length;
    this.#levels = [...(coming[0]?.levels.keys() ?? [])].sort((one, other) => one - other);
    const readings = { time: momentOf, number: Number, place: (_, place) => place };
    const momentsBy = (axis) => this.#points.map(({ time }, place) => readings[axis](time, place));
    this.#axis = Object.keys(readings).find((axis) => isRising(momentsBy(axis)));
    this.#moments = momentsBy(this.#axis);
    const role = { role: "application", "aria-roledescription": "chart" }; // it takes keys, as no picture does
    this.#svg = make("svg", { ...role, tabindex: 0, height: HEIGHT });
    this.#svg.setAttribute("aria-label", `${name}: ${past.length} known values and ${coming.length} that are forecast. Arrow keys read them.`);
    for (const [event, listener] of Object.entries({
      pointermove: (event) => this.#point(event),
      pointerdown: (event) => this.#point(event),
      pointerleave: () => this.look(null),
      keydown: (event) => this.#move(event),
      blur: () => this.look(null),
    })) this.#svg.addEventListener(event, listener);
    this.#readout.setAttribute("aria-live", "polite");
    this.element = element("figure", { className: "chart" }, element("figcaption", {}, element("strong", {}, name), this.#readout), this.#svg, this.#legend());
    new ResizeObserver(() => this.draw()).observe(this.element);
    this.#say();
  }

  /** Mark one of the points, or none. */
  look(place) {
    this.#looked = place;
    this.#say();
    this.#mark();
  }

  /** Draw anew, as wide as the page is now. */
  draw() {
    const width = this.element.clientWidth;
    if (!width) return;
    const all = this.#points.flatMap(({ past, value, levels }) => [past, value, ...(levels?.values() ?? [])]).filter(Number.isFinite);
    const [least, most] = all.reduce(([low, high], value) => [Math.min(low, value), Math.max(high, value)], [Infinity, -Infinity]);
    const room = most - least || Math.abs(all[0]) || 1;
    const [low, high] = [least - room * 0.05, most + room * 0.05];
    const rows = numberMarks(low, high, 5);
    const left = Math.ceil(Math.max(...rows.map(({ label }) => label.length)) * CHARACTER) + 10;
    const [first, last] = [this.#moments[0], this.#moments.at(-1)];
    this.#scale = {
      left,
      x: (moment) => left + ((moment - first) / (last - first || 1)) * (width - left - RIGHT),
      y: (value) => TOP + ((high - value) / (high - low)) * (HEIGHT - TOP - BOTTOM),
    };
    this.#svg.setAttribute("width", width);
    this.#svg.setAttribute("viewBox", `0 0 ${width} ${HEIGHT}`);
    this.#svg.replaceChildren(...this.#axes(rows, width), ...this.#bands(), ...this.#lines(), make("g", { class: "looked" }));
    this.#mark();
  }

  #axes(rows, width) {
    const { left, x, y } = this.#scale;
    const [first, last] = [this.#moments[0], this.#moments.at(-1)];
    const count = Math.max(2, Math.floor((width - left) / 70));
    const columns = {
      time: () => timeMarks(first, last, count),
      number: () => numberMarks(first, last, this.#moments.every(Number.isInteger) ? Math.min(count, last - first) : count),
      place: () => this.#placeMarks(width),
    }[this.#axis]();
    return [
      ...rows.flatMap(({ at, label }) => [
        make("line", { class: "grid", x1: left, x2: width - RIGHT, y1: y(at), y2: y(at) }),
        make("text", { class: "label", x: left - 8, y: y(at), dy: "0.32em", "text-anchor": "end" }, label),
      ]),
      ...columns.flatMap(({ at, label }) => [
        make("line", { class: "tick", x1: x(at), x2: x(at), y1: HEIGHT - BOTTOM, y2: HEIGHT - BOTTOM + 5 }),
        make("text", { class: "label", x: x(at), y: HEIGHT - 6, "text-anchor": anchor(x(at), label, width) }, label),
      ]),
      make("line", { class: "axis", x1: left, x2: width - RIGHT, y1: HEIGHT - BOTTOM, y2: HEIGHT - BOTTOM }),
    ];
  }

  /** Marks where times are neither dates nor numbers: what the table says there. */
  #placeMarks(width) {
    const longest = this.#points.reduce((most, { time }) => Math.max(most, time.length), 0) * CHARACTER + 16;
    const marks = numberMarks(0, this.#points.length - 1, Math.max(1, Math.floor((width - this.#scale.left) / longest)));
    return marks.filter(({ at }) => Number.isInteger(at)).map(({ at }) => ({ at, label: this.#points[at].time }));
  }

  /** The quantiles in pairs, the widest below. */
  #bands() {
    const { x, y } = this.#scale;
    return this.#pairs().map(([low, high]) => {
      const over = this.#coming().map(([moment, { levels }]) => [x(moment), y(levels.get(high))]);
      const under = this.#coming().map(([moment, { levels }]) => [x(moment), y(levels.get(low))]);
      const now = this.#now();
      return make("path", { class: "band", d: `${path([...now, ...over, ...under.reverse(), ...now])}Z` });
    });
  }

  #lines() {
    const { x, y } = this.#scale;
    const past = this.#points.slice(0, this.#begin).map(({ past }, place) => [x(this.#moments[place]), y(past)]);
    const coming = this.#coming().map(([moment, { value }]) => [x(moment), y(value)]);
    const [now] = this.#now();
    return [
      make("path", { class: "past", d: path(past) }),
      ...(now ? [make("line", { class: "now", x1: now[0], x2: now[0], y1: TOP, y2: HEIGHT - BOTTOM })] : []),
      make("path", { class: "coming", d: path([...this.#now(), ...coming]) }),
      ...(coming.length === 1 ? [make("circle", { class: "dot", cx: coming[0][0], cy: coming[0][1], r: 3.5 })] : []),
    ];
  }

  /** Where the last known value stands, as a list of one or none. */
  #now() {
    const place = this.#begin - 1;
    const value = this.#points[place]?.past;
    return Number.isFinite(value) ? [[this.#scale.x(this.#moments[place]), this.#scale.y(value)]] : [];
  }

  #coming() {
    return this.#points.slice(this.#begin).map((point, place) => [this.#moments[this.#begin + place], point]);
  }

  #pairs() {
    return Array.from({ length: Math.floor(this.#levels.length / 2) }, (_, place) => [this.#levels[place], this.#levels.at(-1 - place)]);
  }

  #mark() {
    const layer = this.#svg.querySelector(".looked");
    if (!layer) return;
    layer.replaceChildren();
    if (this.#looked === null) return;
    const { x, y } = this.#scale;
    const { past, value } = this.#points[this.#looked];
    const at = x(this.#moments[this.#looked]);
    layer.append(make("line", { class: "cursor", x1: at, x2: at, y1: TOP, y2: HEIGHT - BOTTOM }));
    if (Number.isFinite(past ?? value)) layer.append(make("circle", { class: "dot", cx: at, cy: y(past ?? value), r: 4 }));
  }

  #point(event) {
    if (!this.#scale) return;
    const { x } = this.#scale;
    const away = this.#moments.map((moment) => Math.abs(x(moment) - event.offsetX));
    this.look(away.indexOf(Math.min(...away)));
  }

  #move(event) {
    const step = MOVES[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const isFirst = this.#looked === null && Number.isFinite(step); // the first step is onto the first moment that is forecast
    const place = isFirst ? this.#begin : (this.#looked ?? 0) + step;
    this.look(Math.min(Math.max(place, 0), this.#points.length - 1));
  }

  #say() {
    const point = this.#points[this.#looked];
    this.#readout.value = point ? said(point, this.#pairs()) : "";
  }

  #legend() {
    const bands = this.#pairs().map(([low, high]) => ["band", `${Math.round(low * 100)} % to ${Math.round(high * 100)} %`]);
    const entries = [["past", "known"], ["coming", "forecast"], ...bands];
    return element("ul", { className: "legend" }, ...entries.map(([kind, text]) => element("li", { className: kind }, text)));
  }
}

/** A number as a person reads it: four figures, more where it is large, and all before its decimals. */
export function figure(value) {
  if (!Number.isFinite(value)) return "–";
  const whole = Math.floor(Math.log10(Math.abs(value) || 1)) + 1;
  return new Intl.NumberFormat("en", { maximumSignificantDigits: Math.min(Math.max(Math.abs(value) >= 1e4 ? 6 : 4, whole), 21) }).format(value).replace("-", "−");
}

function isRising(moments) {
  return moments.every((moment, place) => (place === 0 ? !isNaN(moment) : moment > moments[place - 1]));
}

function said({ time, past, value, levels }, pairs) {
  if (past !== undefined) return `${time}   ${figure(past)}`;
  const spans = pairs.map(([low, high]) => `${figure(levels.get(low))} to ${figure(levels.get(high))}`);
  return `${time}   ${figure(value)}${spans.length ? `   (${spans[0]})` : ""}`;
}

/** A path through points, broken where one of them is missing. */
function path(points) {
  let isDown = false;
  return points
    .map(([x, y]) => {
      const command = Number.isFinite(y) ? `${isDown ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}` : "";
      isDown = Boolean(command);
      return command;
    })
    .join("");
}

/** Labels at the edges of the page stay inside. */
function anchor(at, label, width) {
  const half = (label.length * CHARACTER) / 2;
  if (at + half > width) return "end";
  return at - half < 0 ? "start" : "middle";
}

function make(tag, attributes, ...children) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}
