/** The window at the end of each series: the history that is read, and what is known of the horizon behind it, as in `numbers/windows.py`. */

import { clockFeatures, continued, finest, spelled } from "./clock.js";
import { isUnknown } from "./panel.js";

const FLAT = 1e-12; // a deviation within a window below this, relative to its mean, is that of a constant,
const TINIEST_DEVIATION = 1e-15; // and so is any below this
const SMALLEST = 1e-12; // a spread of a series below this, relative to its numbers, is that of a constant,
const TINIEST_SPREAD = 1e-30; // and so is any below this

/** What a table says before the time to be forecast. */
export class Windows {
  /**
   * @param {import("./panel.js").Panel} panel
   * @param {{config: {numbers: object}, source: {size: number, scaling: object}, target: {size: number, known: number}}} fields of `fields.json`
   * @throws {Error} a series of which nothing is known.
   */
  constructor(panel, fields) {
    this.panel = panel;
    this.numbers = fields.config.numbers;
    this.source = fields.source;
    this.target = fields.target;
    /** (series,) the row behind the last one that is known */
    this.origins = panel.series.map((_, series) => this.#knownEnd(series));
  }

  /** What is to be known of a forecast from this table, a sentence each. */
  get notes() {
    const { panel, origins, numbers } = this;
    const known = origins.map((origin, series) => origin - panel.starts[series]);
    const short = known.filter((rows) => rows < numbers.history).length;
    const said = [...panel.layout, ...panel.notes(numbers)];
    if (!short) return said;
    const count = (number) => number.toLocaleString("en");
    const first = known.findIndex((rows) => rows < numbers.history);
    const who = known.length > 1 ? `${count(short)} of ${count(known.length)} series have fewer rows` : "the table has fewer rows";
    const such = known.length > 1 ? `, such as '${panel.series[first]}' with ${count(known[first])}` : `: ${count(known[first])}`;
    return [...said, `${who} than the ${numbers.history} that the model reads before a forecast${such}`];
  }

  /** What is known of the targets of each series, of the last moments, at most so many, as they were read: the oldest first. */
  past(most) {
    const { series, starts, rows, times, step, filled } = this.panel;
    const putIn = new Set(filled.map(([row, column]) => `${row} ${column}`));
    const unit = times && finest(times, step);
    const linesOf = (name, row, end) => {
      const time = times ? spelled(times[row], step, unit) : String(row + 1 - end);
      const isGiven = (column) => !isNaN(rows[row][column]) && !putIn.has(`${row} ${column}`);
      return this.numbers.targets.map((column, place) => ({ series: name, time, column, ...(isGiven(place) && { value: rows[row][place] }) }));
    };
    return series.flatMap((name, number) => {
      const end = this.origins[number];
      const first = Math.max(starts[number], end - most);
      return Array.from({ length: end - first }, (_, place) => linesOf(name, first + place, end)).flat();
    });
  }

  #knownEnd(series) {
    const [start, end] = this.panel.starts.slice(series, series + 2);
    let last = end;
    while (last > start && isUnknown(this.panel.rows[last - 1], this.target.size)) last--;
    if (last > start) return last;
    const expected = "expected one at least to forecast from. Remove the series";
    throw new Error(`${this.panel.where(start)}: series '${this.panel.series[series]}' has no values; ${expected}.`);
  }

  /**
   * The window of a series: source (H · D), zeros behind its `length` real frames; known (T · C); level, what a target frame means:
   * number = frame · scale + shift, and no less than floor, (D,) each; and change, how much each target changes in it, (D,).
   */
  of(series) {
    const { history, season, targets, static: fixed } = this.numbers;
    const [origin, start] = [this.origins[series], this.panel.starts[series]];
    const length = Math.min(history, origin - start);
    const scaling = this.#scalingOf(series);
    const frames = Array.from({ length }, (_, place) => this.#scaled(origin - length + place, series, scaling));
    const level = levelOf(frames, this.target.size, this.numbers.window);
    const source = new Float32Array(history * this.source.size);
    frames.forEach((frame, place) => {
      const row = [...frame, ...this.#clock(origin - length + place, series)];
      source.set(row.map((value, column) => (column < targets.length ? (value - level.shift[column]) / level.scale[column] : value)), place * row.length);
    });
    const unchanging = fixed.length ? frames[0].slice(-fixed.length) : [];
    const change = targets.map((_, column) => changeOf(frames.map((__, place) => source[place * this.source.size + column]), season));
    return { source, length, known: this.#known(origin, series, scaling, unchanging), level: this.#outer(level, scaling, series), change };
  }

  /** What is known of the horizon: the place in it, the columns known in advance, those that do not change, and the clock. */
  #known(origin, series, scaling, unchanging) {
    const { horizon, targets, past, known } = this.numbers;
    const first = targets.length + past.length;
    const rows = Array.from({ length: horizon }, (_, place) => {
      const advance = this.#scaled(origin + place, series, scaling).slice(first, first + known.length);
      return [(place + 1) / horizon, ...advance, ...unchanging, ...this.#clock(origin + place, series)];
    });
    if (rows.some((row) => row.slice(1, 1 + known.length).some(isNaN))) {
      const expected = `expected ${horizon} rows after the last known target, with the columns known in advance and empty targets`;
      throw new Error(`table: ${known.join(", ")}: nothing is said of the time that is forecast; ${expected}. Add them.`);
    }
    return Float32Array.from(rows.flat());
  }

  /** The scaled columns of a row, nothing behind the end of its series. */
  #scaled(row, series, { shift, scale }) {
    const values = row < this.panel.starts[series + 1] ? this.panel.rows[row] : new Float64Array(shift.length).fill(NaN);
    return Float64Array.from(values, (value, column) => (value - shift[column]) / scale[column]);
  }

  /** The features of the clock at a row, which go on behind the end of its series. */
  #clock(row, series) {
    return this.panel.times ? clockFeatures(this.moment(row, series), this.numbers.calendar) : [];
  }

  /** When a row is, which may lie behind the end of its series. */
  moment(row, series) {
    const last = this.panel.starts[series + 1] - 1;
    return continued(this.panel.times[Math.min(row, last)], this.panel.step, Math.max(row - last, 0));
  }

  /** The shift and scale of each column, (C,) each; a series that was not there in training is scaled by its own numbers. */
  #scalingOf(series) {
    const { kind, shift, scale, series: names } = this.source.scaling;
    const place = kind === "series" ? names.indexOf(this.panel.series[series]) : 0;
    if (place >= 0) return { shift: shift[place], scale: scale[place] };
    return standard(this.panel.rows.slice(this.panel.starts[series], this.origins[series]));
  }

  #outer(level, { shift, scale }, series) {
    const rows = this.panel.rows.slice(this.panel.starts[series], this.origins[series]);
    const least = (column) => rows.reduce((least, row) => (row[column] < least ? row[column] : least), Infinity);
    return {
      shift: level.shift.map((value, column) => value * scale[column] + shift[column]),
      scale: level.scale.map((value, column) => value * scale[column]),
      floor: level.shift.map((_, column) => (this.numbers.floor === "seen" ? least(column) : -Infinity)),
    };
  }
}

/** What is taken out of a window by itself, in scaled units. */
function levelOf(frames, size, kind) {
  const columns = [...new Array(size).keys()];
  if (kind === "none") return { shift: columns.map(() => 0), scale: columns.map(() => 1) };
  const shift = columns.map((column) => frames.at(-1)[column]);
  return { shift, scale: columns.map((column) => (kind === "last" ? 1 : deviationOf(frames.map((frame) => frame[column])))) };
}

/** How much values change from one season to the next, in the mean; from one moment to the next where there are no more than a season. */
function changeOf(values, season) {
  const lag = values.length > season ? season : 1;
  const changes = values.slice(lag).map((value, place) => Math.abs(value - values[place]));
  return changes.reduce((sum, change) => sum + change, 0) / changes.length;
}

function deviationOf(values) {
  const { mean, deviation } = momentsOf(values);
  return deviation > Math.max(FLAT * Math.abs(mean), TINIEST_DEVIATION) ? deviation : 1;
}

/** Mean and standard deviation of each column; missing numbers are left out. */
function standard(rows) {
  const columns = [...rows[0].keys()].map((column) => momentsOf(rows.map((row) => row[column]).filter((value) => !isNaN(value))));
  const scaleOf = ({ mean, deviation }) => (deviation > Math.max(SMALLEST * Math.abs(mean), TINIEST_SPREAD) ? deviation : 1);
  return { shift: columns.map(({ mean }) => mean), scale: columns.map(scaleOf) };
}

function momentsOf(values) {
  const [count, first] = [Math.max(values.length, 1), values[0] ?? 0];
  const mean = first + values.reduce((sum, value) => sum + (value - first), 0) / count; // of a constant the constant itself
  return { mean, deviation: Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / count) };
}
