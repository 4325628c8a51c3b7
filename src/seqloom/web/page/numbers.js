/** Where a table of numbers is pasted or chosen, to be forecast. */

import { dropZone } from "./drop.js";
import { element } from "./element.js";
import { Forecast } from "./forecast.js";
import { readTable } from "./table.js";
import { readText } from "./text.js";

const SHOWN = 48; // moments before a forecast, at the least; four times as many as it has, where these are more
const LARGEST = 20_000_000; // bytes of a file that are worth reading: a server takes a megabyte unless told otherwise

export class TableSource {
  #model;
  #box;

  /**
   * @param {object} model as `GET /v1/models` gives it: its columns, history and horizon
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
        this.#box.value = await readText(file, file.name);
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
    const { names, rows, lines } = readTable(this.#box.value);
    const request = { table: this.#sent(names, rows), history: Math.max(4 * this.#model.horizon, SHOWN) };
    const fail = (error) => Promise.reject(inLines(error, lines));
    const { forecast: coming, history = [], notes = [] } = await forecast(request).catch(fail);
    const said = notes.map((note) => element("p", { className: "hint" }, `Note: ${note}.`));
    return [...said, new Forecast(coming, history).element];
  }

  focus() {
    this.#box.focus();
  }

  /** The rows as they are sent: the cells that the model reads, and all of the first one, so that what it does not read can be named. */
  #sent(names, rows) {
    if (this.#model.table === "wide") return rows.map((row) => inOrder(names, row));
    const read = this.#model.source.map(({ name }) => name);
    if (!read.every((name) => names.includes(name))) return rows; // one may be named by its place, or is missing, which is said
    return rows.map((row, place) => (place ? Object.fromEntries(read.map((name) => [name, row[name]])) : row));
  }
}

/** Another row, behind the one that a message begins with. */
const OTHER_ROW = /(?<= in )(?:line (\d+)|table\[(\d+)\])(?=(?: already)?; expected (?:a row a series|one value within a series))/;

/** The error with lines of the text where it names rows of the request: a server counts them from 0, a site from 1. */
function inLines(error, lines) {
  const lineOf = (fromOne, fromZero) => lines[fromOne ? fromOne - 1 : fromZero] ?? fromOne ?? fromZero;
  const message = error.message
    .replace(/^table(?::(\d+)(?=:)|\[(\d+)\])/, (_, fromOne, fromZero) => `table:${lineOf(fromOne, fromZero)}`)
    .replace(OTHER_ROW, (_, fromOne, fromZero) => `line ${lineOf(fromOne, fromZero)}`);
  return message === error.message ? error : new Error(message);
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
