/** A forecast: a chart for each column of a series, the numbers as a table, and both to be saved. */

import { Chart, figure } from "./chart.js";
import { element } from "./element.js";
import { writeTable } from "./table.js";

let saved = ""; // address of the last forecast: there is one at a time

export class Forecast {
  #lines;
  #history; // what is known, in lines as those of the forecast
  #charts = element("div", { className: "charts" });
  #numbers = element("div", { className: "scroll" });

  /**
   * @param {{series: string, time: string, column: string, quantile?: number, value: number}[]} lines as `POST /v1/predict` gives them
   * @param {{series: string, time: string, column: string, value?: number}[]} history what it goes on from, the oldest first
   */
  constructor(lines, history) {
    this.#lines = lines;
    this.#history = history;
    const series = [...new Set(lines.map(({ series }) => series))];
    const picker = element("select", { id: "series", onchange: ({ target }) => this.#show(target.value) });
    picker.append(...series.map((name) => element("option", { value: name }, name)));
    const choice = element("label", { className: "picker", hidden: series.length < 2 }, "Series ", picker);
    const table = element("details", {}, element("summary", {}, "Numbers"), this.#numbers);
    this.element = element("article", { className: "card" }, choice, this.#charts, table, this.#link());
    this.#show(series[0]);
  }

  #show(series) {
    const lines = this.#lines.filter((line) => line.series === series);
    const columns = [...new Set(lines.map(({ column }) => column))];
    const tables = columns.map((column) => pointsOf(lines.filter((line) => line.column === column)));
    this.#charts.replaceChildren(...columns.map((column, place) => this.#chart(series, column, tables[place])));
    this.#numbers.replaceChildren(...columns.map((column, place) => numbersOf(column, tables[place])));
  }

  #chart(series, column, coming) {
    const own = this.#history.filter((line) => line.series === series && line.column === column);
    const past = own.map(({ time, value = NaN }) => ({ time, value }));
    return new Chart(series ? `${column}, ${series}` : column, past, coming).element;
  }

  #link() {
    const head = ["series", "time", "column", "quantile", "value"];
    const table = writeTable([head, ...this.#lines.map((line) => head.map((name) => line[name] ?? ""))]);
    URL.revokeObjectURL(saved);
    saved = URL.createObjectURL(new Blob([table], { type: "text/csv" }));
    return element("a", { href: saved, download: "forecast.csv", className: "button save" }, "Save the forecast");
  }
}

/** A point for each moment, with its quantiles. */
function pointsOf(lines) {
  const points = new Map();
  for (const { time, quantile, value } of lines) {
    const point = points.get(time) ?? { time, value: NaN, levels: new Map() };
    if (quantile === undefined) point.value = value;
    else point.levels.set(quantile, value);
    points.set(time, point);
  }
  return [...points.values()];
}

function numbersOf(column, points) {
  const levels = [...points[0].levels.keys()];
  const head = ["Time", column, ...levels.map((level) => `${+(level * 100).toFixed(4)} %`)];
  const rows = points.map(({ time, value, levels }) => [time, ...[value, ...levels.values()].map(figure)]);
  return element(
    "table",
    { className: "numbers" },
    element("thead", {}, element("tr", {}, ...head.map((text) => element("th", { scope: "col" }, text)))),
    element("tbody", {}, ...rows.map(([time, ...values]) => element("tr", {}, element("td", {}, time), ...values.map((text) => element("td", { className: "number" }, text))))),
  );
}
