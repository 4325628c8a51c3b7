/** From a table to a forecast, as `numbers/answers.py` does it: windows, batches, units. */

import { finest, spelled } from "../numbers/clock.js";
import { errorAt, levelsOf, placeOfPoint, quantileOf, unitOf, widthOf } from "../numbers/distributions.js";
import { readPanel } from "../numbers/panel.js";
import { Windows } from "../numbers/windows.js";
import { readTable } from "./request.js";
import { frames, integers, openSession, refuseAnother, run } from "./session.js";
import { listed } from "./words.js";

const FORMAT = 1;
const ROWS = 256; // windows in one run of the graph

/** Fields and a head over a graph that says all frames of a horizon. */
export class Forecaster {
  #session;

  /**
   * @param {object} fields what fields.json holds
   * @param {object} manifest of the exported folder
   * @param {Uint8Array} model the content of model.onnx
   */
  static async load(fields, manifest, model) {
    if (fields.format !== FORMAT) throw new Error(`fields: format ${fields.format}; expected ${FORMAT}. Export the model again.`);
    refuseAnother(model, fields);
    return new Forecaster(fields, manifest, await openSession(model));
  }

  constructor(fields, { name, head }, session) {
    this.name = name;
    this.fields = fields;
    this.numbers = fields.config.numbers;
    this.head = head;
    this.#session = session;
  }

  /** What the page needs to know of its columns, as `GET /v1/models` gives it. */
  get about() {
    const { time, series, targets, past, known, static: fixed, wide, history, horizon, dates, decimal, thousands } = this.numbers;
    const roles = { time: [time].flat(), series: [series], target: targets, past, known, static: fixed };
    const source = Object.entries(roles).flatMap(([role, names]) => names.flatMap((name) => (name === null ? [] : [{ name, kind: "numbers", role }])));
    return {
      source: source.length ? source : [{ name: "values", kind: "numbers" }],
      target: { name: targets.join(", ") || "values", kind: "numbers" },
      table: wide ? "wide" : "long",
      history,
      horizon,
      dates,
      decimal,
      thousands,
    };
  }

  /**
   * The horizon behind what is known of each series, a number a line, as `POST /v1/predict` gives it: the point, then its quantiles; and
   * what is to be known of it; where `history` is asked for, so many moments before it too, as they were read.
   *
   * @param {{table: Record<string, string>[], quantiles?: number[], history?: number}} request
   * @param {() => Promise<void>} pause awaited before each batch
   * @throws {Error} a table, quantiles or a key that cannot be used; says which.
   */
  async answer(request, pause) {
    const { table, quantiles, history } = readTable(request, this);
    const windows = new Windows(readPanel(table, this.numbers), this.fields);
    const levels = levelsOf(this.head, quantiles, this.fields.spread);
    const { series } = windows.panel;
    const timeOf = timesOf(windows);
    const lines = [];
    for (let first = 0; first < series.length; first += ROWS) {
      await pause();
      const batch = series.slice(first, first + ROWS).map((_, place) => windows.of(first + place));
      const said = await this.#said(batch);
      batch.forEach((window, place) => lines.push(...this.#lines({ windows, timeOf, series: first + place }, said[place], window, levels)));
    }
    const notes = [...windows.notes, ...this.#unread(table)];
    return { forecast: lines, ...(history && { history: windows.past(history) }), notes };
  }

  /** A sentence where rows have cells that are nothing to the model; of a row a series it reads all. */
  #unread(table) {
    if (this.numbers.wide) return [];
    const read = new Set(this.about.source.map(({ name }) => name));
    const unread = [...new Set(table.flatMap(Object.keys))].filter((name) => !read.has(name));
    return unread.length ? [`columns that the model does not read: ${listed(unread)}`] : [];
  }

  /** What the head says of each window: for each moment and column its parameters, in scaled units. */
  async #said(batch) {
    const { source, target } = this.fields;
    const inputs = {
      source: frames(batch.map((window) => window.source), source.size),
      source_lengths: integers(batch.map((window) => window.length)),
      known: frames(batch.map((window) => window.known), target.known),
      max_lengths: integers(batch.map(() => this.numbers.horizon)),
    };
    return run(this.#session, inputs, ["values", "lengths"], ({ values, lengths }) => batch.map((_, row) => momentsOf(values, row, Number(lengths.data[row]))));
  }

  #lines({ windows, timeOf, series }, said, { level, change }, levels) {
    return said.flatMap((columns, step) => {
      const time = timeOf(series, step);
      return columns.flatMap((parameters, column) => {
        const line = { series: windows.panel.series[series], time, column: this.numbers.targets[column] };
        const inUnits = (value) => Math.max(value * level.scale[column] + level.shift[column], level.floor[column]);
        const point = parameters[placeOfPoint(this.head)];
        const around = levels.map((quantile) => ({ ...line, quantile, value: inUnits(this.#quantile(parameters, step, column, change[column], quantile)) }));
        return [{ ...line, value: inUnits(point) }, ...around];
      });
    });
  }

  /** A quantile in scaled units: from errors that were measured on dev where there are any, else as the head says it. */
  #quantile(parameters, step, column, change, quantile) {
    const { spread } = this.fields;
    if (!spread) return quantileOf(this.head, parameters, quantile);
    const unit = unitOf(spread, column, widthOf(this.head, parameters), change);
    return parameters[placeOfPoint(this.head)] + unit * errorAt(spread, step, column, quantile);
  }
}

/** Of one row of (B, T, D, P): an array a moment, in it one a column, of parameters. */
function momentsOf({ data, dims: [, steps, columns, size] }, row, length) {
  const at = (place) => Array.from(data.subarray(place * size, (place + 1) * size));
  return Array.from({ length }, (_, step) => Array.from({ length: columns }, (_, column) => at((row * steps + step) * columns + column)));
}

/** When a step of the horizon is, or which one it is where the table has no times. */
function timesOf(windows) {
  const { times, step: from } = windows.panel;
  if (!times) return (_, step) => String(step + 1);
  const unit = finest(times, from);
  return (series, step) => spelled(windows.moment(windows.origins[series] + step, series), from, unit);
}
