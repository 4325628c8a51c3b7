/** Where a table of numbers is pasted or chosen, to be forecast. */

import { finest, spelled } from "../numbers/clock.js";
import { findDates, readTimes, together } from "../numbers/dates.js";
import { numberIn } from "../numbers/panel.js";
import { dropZone } from "./drop.js";
import { element } from "./element.js";
import { Forecast } from "./forecast.js";
import { readTable } from "./table.js";

const LARGEST = 20_000_000; // bytes of a file that are worth reading: a server takes a megabyte unless told otherwise

export class TableSource {
  #model;
  #box;

  /**
   * @param {object} model as `GET /v1/models` gives it: its columns, history and horizon, and how dates and numbers are written
   * @param {{onsubmit: () => void, onerror: (error: Error) => void}} options called when a file has been read, and when it cannot be
   */
  constructor(model, { onsubmit, onerror }) {
    this.#model = model;
    this.#box = element("textarea", {
      id: "source-table",
      className: "table",
      rows: 6,
      spellcheck: false,
      autocapitalize: "off",
      autocomplete: "off",
      placeholder: model.table === "wide" ? "name,1,2,3\n…" : `${model.source.map(({ name }) => name).join(",")}\n…`,
      onkeydown: (event) => {
        if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
        event.preventDefault();
        onsubmit();
      },
    });
    const drop = dropZone({ id: "table", accept: ".csv,.tsv,.txt,text/csv,text/tab-separated-values", what: "a CSV file" }, async (file) => {
      try {
        if (file.size > LARGEST) throw new Error(`${file.name}: more than ${LARGEST / 1e6} MB. Choose a shorter table, or use \`seqloom predict\`.`);
        this.#box.value = await file.text();
        onsubmit();
      } catch (error) {
        onerror(error);
      }
    });
    const label = element("label", { htmlFor: this.#box.id }, "Table");
    this.element = element("div", { className: "columns" }, element("div", {}, label, this.#box), element("p", { className: "hint" }, hintOf(model)), drop);
  }

  /** What to do first, or nothing. */
  get missing() {
    return this.#box.value.trim() ? "" : "Nothing to forecast from: paste a table or choose a file first.";
  }

  /** Elements with the forecast, behind what is to be known of it. */
  async answers({ forecast }) {
    const { names, rows } = readTable(this.#box.value);
    const { forecast: lines, notes = [] } = await forecast({ table: rows.map((row) => (this.#model.table === "wide" ? inOrder(names, row) : this.#read(row))) });
    const said = notes.map((note) => element("p", { className: "hint" }, `Note: ${note}.`));
    return [...said, new Forecast(lines, (series, column) => this.#history(names, rows, series, column)).element];
  }

  focus() {
    this.#box.focus();
  }

  /** The cells of a row that the model reads. */
  #read(row) {
    return Object.fromEntries(this.#model.source.flatMap(({ name }) => (name in row ? [[name, row[name]]] : [])));
  }

  /** What the table knows of a column in a series: the oldest first, up to the last value that is there. */
  #history(names, rows, series, column) {
    const named = (role) => this.#model.source.filter((one) => one.role === role).map(({ name }) => name);
    const [times, [label]] = [named("time"), named("series")];
    const own = rows.filter((row) => !label || row[label] === series);
    const moments = times.length ? this.#moments(own, times) : [];
    const points =
      this.#model.table === "wide"
        ? names.slice(1).map((name) => ({ value: this.#number(rows.find((row) => row[names[0]] === series)?.[name]) }))
        : own.map((row, place) => ({ time: moments[place], value: this.#number(row[column]) }));
    const known = points.slice(0, points.findLastIndex(({ value }) => !isNaN(value)) + 1);
    return known.map(({ time, value }, place) => ({ time: time ?? String(place + 1 - known.length), value })); // without times: 0 is the last
  }

  /** The number in a cell that the model has read. */
  #number(cell) {
    return cell ? numberIn(cell, this.#model, 0, "value", /[%\p{Sc}]/u.exec(cell)?.[0]) : NaN;
  }

  /** When each row is, as a forecast says it. */
  #moments(rows, names) {
    const { cells } = together(rows.map((row) => names.map((name) => row[name])), names);
    const dates = this.#model.dates ?? findDates(cells);
    const [times, step] = [readTimes(cells, () => "table", names.join(" "), [], dates), { isCount: dates === "count" }];
    const unit = finest(times, step);
    return times.map((moment) => spelled(moment, step, unit));
  }
}

/** The cells of a row as they stand; JavaScript would put names that are numbers before all others. */
function inOrder(names, row) {
  return Object.fromEntries(names.map((name) => [/^\d+$/.test(name) ? `column ${name}` : name, row[name]]));
}

function hintOf({ source, table, horizon, history }) {
  const columns = source.map(({ name }) => name);
  const rows = table === "wide" ? "A line a series: its name, then its values" : `A line a moment, with ${listed(columns)}`;
  const known = source.filter(({ role }) => role === "known").map(({ name }) => name);
  const ahead = known.length ? ` Lines to come hold ${listed(known)} alone.` : "";
  return `${rows}; the names stand in the first line. ${history} moments are read, ${horizon} are forecast.${ahead}`;
}

function listed(names) {
  return names.length < 2 ? names.join("") : `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;
}
