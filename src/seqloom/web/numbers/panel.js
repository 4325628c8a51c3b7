/** Tables of numbers over time: one series or many, long or wide, whole and checked, as in `numbers/panel.py`. */

import { checkTimes, filled, findStep, named as stepName, spelled, stepOf } from "./clock.js";
import { quoted } from "../browser/words.js";
import { strip, stripBegin, stripEnd } from "../fields/blanks.js";
import { findDates, hasOffsets, readTimes, together, withoutOffsets } from "./dates.js";
import { inFigures } from "./figures.js";

const EACH = { months: 0, seconds: 1, fromEnd: false }; // rows that follow each other, without a time
const EMPTY = new Set(["", "na", "n/a", "#n/a", "<na>", "nan", "null", "none", "\\n", "?", "-", "\u2212", "--", "."]); // what an empty cell may hold, in lower case
const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;
const INFINITE = /^[+-]?inf(inity)?$/i;
const TRUTHS = new Map([["true", 1], ["false", 0]]); // in lower case
const BETWEEN = { ".": "full stops", ",": "commas", "'": "apostrophes", " ": "blanks" };
const LOCAL = "times are read as they stand, without their offsets from UTC: days begin where the clock says so, and in forecasts too";
const MOST_LABELS = 8; // columns before the first time
const LOOKED_AT = 1000; // rows in which signs beside numbers are looked for
const LARGEST = 1e38; // a float32 holds it, and its distance from any other

/** Rows of numbers, series after series. */
export class Panel {
  /**
   * @param {string[]} columns C of them
   * @param {Float64Array[]} rows (N) rows of C numbers, NaN where one is missing
   * @param {number[]} starts (series + 1) the row where each begins, and N
   * @param {string[]} series
   * @param {{times?: number[] | null, isCounted?: boolean, step?: object, lines?: number[] | null, filled?: number[][],
   *   layout?: string[], signs?: Record<string, string>}} more when each row is, or its number where rows are counted, the row of the table it comes from, the cells
   *   [row, column] in which a rule has put a value, what was found and may be meant otherwise, a sentence each, and what stands beside all
   *   numbers of a column
   */
  constructor(columns, rows, starts, series, { times = null, isCounted = false, step = EACH, lines = null, filled = [], layout = [], signs = {} } = {}) {
    Object.assign(this, { columns, rows, starts, series, times, isCounted, step, lines, filled, layout, signs });
  }

  /** The place of a row, for messages. */
  where(row) {
    return `table:${this.lines ? this.lines[row] : row + 1}`;
  }

  /** What rules have put in, in words. */
  notes({ missing }) {
    if (!this.filled.length) return [];
    const count = (number) => number.toLocaleString("en");
    const rows = this.lines.filter((line) => !line).length;
    const cells = this.columns.map((name, column) => [name, this.filled.filter((cell) => cell[1] === column).length]).filter(([, cells]) => cells);
    const said = cells.map(([name, cells]) => `${name} ${count(cells)}`).join(", ");
    return [
      ...(rows ? [`${count(rows)} rows that are left out in table were put in (fields.numbers.gaps=fill)`] : []),
      `empty cells were given a value (fields.numbers.missing=${missing}), which counts as no truth: ${said}`,
    ];
  }

  /** The panel with some of its parts changed. */
  with(changes) {
    return Object.assign(new Panel(this.columns, this.rows, this.starts, this.series, this), changes);
  }
}

/**
 * The columns that the field names, of all rows of a table; rows at the end of a series whose targets are all empty are the time to come.
 *
 * @param {Record<string, string | number | null>[]} table its rows, each with its cells by column; one that is absent is empty
 * @param {object} numbers `fields.numbers` of the config
 * @throws {Error} a column that does not exist, a cell that is no number, a missing value or time that the rules forbid.
 */
export function readPanel(table, numbers) {
  const names = [...new Set(table.flatMap(Object.keys))];
  if (!names.length) {
    const expected = numbers.wide ? "the name of a series, and its values" : [...labelsOf(numbers), ...columnsOf(numbers)].join(", ");
    throw new Error(`table: the rows have no columns; expected ${expected}. Give each row its cells by column.`);
  }
  const records = table.map((row) => names.map((name) => textOf(Object.hasOwn(row, name) ? row[name] : "", numbers.decimal ?? ".")));
  const panel = noteLost((numbers.wide ? wide : long)(names, records, numbers), numbers);
  refuseChange(panel, numbers);
  return whole(panel.times ? inTime(panel, numbers) : panel, numbers);
}

/** The panel with what is to be known of columns that have no sign beside their numbers, and had one in training. */
function noteLost(panel, numbers) {
  const had = (numbers.signs ?? []).map((item) => [[...item].slice(0, -1).join("").trimEnd(), [...item].at(-1)]);
  const lost = had.filter(([name]) => panel.columns.includes(name) && !Object.hasOwn(panel.signs, name));
  const said = lost.map(([name, sign]) => `${name} has no '${sign}' beside its numbers, which it had in training; they are taken for the same`);
  return panel.with({ layout: [...panel.layout, ...said] });
}

/** A column of `static` that changes within a series is refused. */
function refuseChange(panel, { static: fixed }) {
  for (let column = panel.columns.length - fixed.length; column < panel.columns.length; column++) {
    panel.series.forEach((series, number) => {
      const rows = [];
      for (let row = panel.starts[number]; row < panel.starts[number + 1]; row++) if (!isNaN(panel.rows[row][column])) rows.push(row);
      const other = rows.find((row) => panel.rows[row][column] !== panel.rows[rows[0]][column]);
      if (other === undefined) return;
      const name = series && ` of series '${series}'`;
      const before = `${panel.rows[rows[0]][column]} in line ${panel.lines[rows[0]]}`;
      const what = `${panel.columns[column]}${name} is ${panel.rows[other][column]}, and ${before}`;
      throw new Error(`${panel.where(other)}: ${what}; expected one value within a series. Mend the cell.`);
    });
  }
}

/** A cell as a file of the model's table would hold it. */
function textOf(cell, decimal) {
  if (typeof cell === "string") return strip(cell);
  if (typeof cell === "number") return isNaN(cell) ? "" : String(cell).replace(".", decimal);
  return cell === null || cell === undefined ? "" : String(cell);
}

/** The columns that say when. */
export function timesOf({ time }) {
  return [time ?? []].flat();
}

/** The columns that say when a row is, and of which series. */
function labelsOf(numbers) {
  return [...timesOf(numbers), ...(numbers.series === null ? [] : [numbers.series])];
}

/** The columns of a panel, in their order. */
function columnsOf({ targets, past, known, static: fixed }) {
  return [...targets, ...past, ...known, ...fixed];
}

// ------------------------------------------------------------------------------------------------------ long and wide

/** One row a moment. */
function long(names, records, numbers) {
  const columns = columnsOf(numbers);
  const places = [...labelsOf(numbers), ...columns].map((name) => placeOf(names, name)).slice(labelsOf(numbers).length);
  const signs = places.map((place) => signOf(records, place));
  const rows = records.map((record, row) => Float64Array.from(places, (place, column) => numberIn(record[place], numbers, row + 1, names[place], signs[column])));
  const lines = records.map((_, row) => row + 1);
  const cellsOf = (name) => records.map((record) => record[placeOf(names, name)]);
  const labels = numbers.series === null ? records.map(() => "") : cellsOf(numbers.series);
  refuseNameless(labels, numbers.series);
  const { order, starts, series } = grouped(labels);
  const layout = takenOff(signs, columns.map((_, column) => names[places[column]]));
  const panel = new Panel(columns, order.map((row) => rows[row]), starts, series, { lines: order.map((row) => lines[row]), layout, signs: named(columns, signs) });
  const columnsOfTime = timesOf(numbers);
  if (!columnsOfTime.length) return panel;
  const parts = columnsOfTime.map(cellsOf);
  const whole = together(order.map((row) => parts.map((cells) => cells[row])), columnsOfTime, numbers.step && stepOf(numbers.step));
  const isLocal = numbers.offsets === "local" && hasOffsets(whole.cells);
  const cells = isLocal ? withoutOffsets(whole.cells) : whole.cells;
  const dates = numbers.dates ?? findDates(cells);
  const times = readTimes(cells, (row) => panel.where(row), columnsOfTime.join(" "), starts, dates);
  return panel.with({ times, isCounted: dates === "count", layout: [...whole.said, ...(isLocal ? [LOCAL] : []), ...layout] });
}

function placeOf(names, name) {
  if (names.includes(name)) return names.indexOf(name);
  if (/^\d+$/.test(name) && Number(name) > 0 && Number(name) <= names.length) return Number(name) - 1;
  throw new Error(`table: no column '${name}'; there are ${names.slice(0, 20).join(", ")}.`);
}

/** The sign of percent or of a currency that stands beside each number of a column, "" where there is none. */
function signOf(records, place) {
  const there = records.slice(0, LOOKED_AT).flatMap((record) => (EMPTY.has((record[place] ?? "").toLowerCase()) ? [] : [record[place]]));
  const signs = new Set((there[0] ?? "").match(/[%\p{Sc}]/gu));
  const [sign] = signs;
  return signs.size === 1 && there.every((cell) => unsigned(cell, sign) !== unsigned(cell, "\0")) ? sign : "";
}

/** The signs of columns that have one, by their names. */
function named(columns, signs) {
  return Object.fromEntries(columns.flatMap((name, column) => (signs[column] ? [[name, signs[column]]] : [])));
}

/** What is taken off numbers, a sentence each. */
function takenOff(signs, columns) {
  return [...new Set(signs.filter(Boolean))].map((sign) => {
    const names = columns.filter((_, column) => signs[column] === sign);
    return `'${sign}' beside each number is taken off: ${few(names)}`;
  });
}

/** A cell with a short minus before a number that has a long one, or stands in parentheses. */
function withMinus(cell) {
  const [, number] = /^\(([^()+\p{Nd}-]*\p{Nd}[^()+-]*)\)$/u.exec(cell) ?? [];
  return number === undefined ? cell.replaceAll("\u2212", "-") : `-${strip(number)}`;
}

/** A cell without the sign that stands before or behind its number, and with a short minus. */
function unsigned(cell, sign) {
  const text = withMinus(cell);
  if (text.endsWith(sign)) return stripEnd(text.slice(0, text.length - sign.length));
  const [minus, rest] = text.startsWith("-") ? ["-", stripBegin(text.slice(1))] : ["", text];
  return minus + stripBegin(rest.startsWith(sign) ? rest.slice(sign.length) : rest);
}

/** The number in a cell as it is written, NaN where it is empty; `sign`: what stands beside it. */
export function numberIn(written, marks, line, column, sign = "") {
  const bare = sign ? unsigned(written, sign) : withMinus(written);
  const cell = inFigures(plainly(bare, marks));
  if (EMPTY.has(written.toLowerCase())) return NaN;
  if (sign && bare === unsigned(written, "\0")) {
    const what = `${quoted(written)}, without the '${sign}' beside the numbers of other rows`;
    throw new Error(`table:${line}: ${column} is ${what}; expected it in all rows. Write it there too, or leave it out of all.`);
  }
  if (/^[+-]nan$/i.test(cell)) return NaN;
  if (TRUTHS.has(written.toLowerCase())) return TRUTHS.get(written.toLowerCase());
  if (!NUMBER.test(cell) && !INFINITE.test(cell)) {
    throw new Error(`table:${line}: ${column} is ${quoted(written)}; expected ${expectedOf(marks)}. Mend the cell, or choose other columns.`);
  }
  const value = NUMBER.test(cell) ? Number(cell) : Infinity;
  if (marks.sentinels?.includes(value)) return NaN; // which says that nothing was measured
  if (Math.abs(value) > LARGEST) {
    throw new Error(`table:${line}: ${column} is ${quoted(written)}; expected a finite number, at most 1e+38 in size. Mend the cell.`);
  }
  return value;
}

/** With a full stop before decimals and nothing between thousands; what is written otherwise is left as no number. */
function plainly(written, { decimal, thousands }) {
  let cell = written;
  if (Object.hasOwn(BETWEEN, thousands)) {
    cell = written.replace(/[\u00a0\u202f\u2009]/g, " ").replaceAll("\u2019", "'");
    const grouped = new RegExp(`^[+-]?[1-9]\\p{Nd}{0,2}([${thousands}]\\p{Nd}{3})+([${decimal}]\\p{Nd}*)?$`, "u");
    if (cell.includes(thousands)) cell = grouped.test(cell) ? cell.replaceAll(thousands, "") : "?";
  }
  return decimal === "," ? cell.replaceAll(".", "?").replaceAll(",", ".") : cell;
}

function expectedOf({ decimal, thousands }) {
  const parts = [decimal === "," && "a comma before its decimals", Object.hasOwn(BETWEEN, thousands) && `${BETWEEN[thousands]} between thousands`];
  const said = parts.filter(Boolean).join(" and ");
  return `a number${said && `, with ${said}`}`;
}

/** Rows of which it is not said to which series they belong, where it is of others, are refused. */
function refuseNameless(labels, column) {
  const count = labels.filter((label) => label === "").length;
  if (!count || count === labels.length) return;
  const what = `${column} is empty (${count.toLocaleString("en")} such cell${count > 1 ? "s" : ""}); expected the name of a series`;
  throw new Error(`table:${labels.indexOf("") + 1}: ${what}. Fill it, or remove the rows.`);
}

/** The rows of each series together: their order, where each series begins, and the names of the series by their first row. */
function grouped(labels) {
  const members = new Map(labels.map((label) => [label, []]));
  labels.forEach((label, row) => members.get(label).push(row));
  const starts = [0];
  for (const rows of members.values()) starts.push(starts.at(-1) + rows.length);
  return { order: [...members.values()].flat(), starts, series: [...members.keys()] };
}

/** One row a series: its name, perhaps codes, then its values. */
function wide(names, records, numbers) {
  const heads = headsOf(names, numbers);
  const [rows, lines, starts, times, labels, empty] = [[], [], [0], [], [], []];
  const signs = names.map((_, place) => signOf(records, place));
  records.forEach((record, row) => {
    const line = row + 1;
    const [begin, end] = given(record, heads);
    if (begin === end && !heads.times) throw new Error(`table:${line}: series '${record[0]}' has no values. Remove the line.`);
    if (begin === end) return empty.push(record[0]);
    for (let place = begin; place < end; place++) {
      rows.push(Float64Array.of(numberIn(record[place], numbers, line, names[place], signs[place])));
      lines.push(line);
      if (heads.times) times.push(heads.times[place - heads.labels]);
    }
    labels.push({ cells: record.slice(0, heads.labels), line });
    starts.push(rows.length);
  });
  const series = seriesOf(labels);
  const columns = columnsOf(numbers).length ? columnsOf(numbers) : ["value"];
  const layout = [...saidOf(heads, names), ...leftOut(empty), ...takenOff(signs.slice(heads.labels), names.slice(heads.labels))];
  const found = [...new Set(signs.slice(heads.labels).filter(Boolean))];
  return new Panel(columns, rows, starts, series, { times: heads.times && times, lines, layout, signs: named(columns, found.length === 1 ? found : []) });
}

/** How many columns are names, and the times by which the others are called, where those of training were. */
function headsOf(names, { step, dates }) {
  if (!step) return { labels: 1, times: null };
  const bare = names.map((name) => name.replace(/^column /, "")); // which the page writes before a number
  for (let labels = 1; labels < bare.length && labels <= MOST_LABELS; labels++) {
    try {
      const times = readTimes(bare.slice(labels), () => "", "", [], dates ?? "iso");
      checkTimes(times, [0], stepOf(step), () => "table: the first line", "column", { gapsAllowed: false });
      return { labels, times };
    } catch (error) {
      if (error.message.startsWith("table:")) throw error;
    }
  }
  const what = `the columns (${few(bare.slice(1))}) are not called by times, as those of training were`;
  throw new Error(`table: ${what}; expected one every ${stepName(stepOf(step))}. Name them in a first line.`);
}

/** From which column of a row on values are given, and before which they end. */
function given(record, { labels, times }) {
  const isEmpty = (place) => EMPTY.has(record[place].toLowerCase());
  let [begin, end] = [labels, record.length];
  while (end > begin && isEmpty(end - 1)) end--;
  while (times && begin < end && isEmpty(begin)) begin++;
  return [begin, end];
}

/** The first label of each series; where that does not tell them apart all that differ. */
function seriesOf(labels) {
  const firsts = labels.map(({ cells }) => cells[0]);
  const areUnlike = (texts) => new Set(texts).size === texts.length;
  const differ = (labels[0]?.cells ?? []).map((_, place) => place).filter((place) => new Set(labels.map(({ cells }) => cells[place])).size > 1);
  const isWhole = areUnlike(firsts) || !areUnlike(labels.map(({ cells }) => JSON.stringify(cells)));
  const series = isWhole ? firsts : labels.map(({ cells }) => differ.map((place) => cells[place]).join(", "));
  series.forEach((name, place) => {
    const first = series.indexOf(name);
    if (first === place) return;
    throw new Error(`table:${labels[place].line}: series '${name}' is in line ${labels[first].line} already; expected a row a series. Rename or remove one of the two.`);
  });
  return series;
}

/** What the columns are taken for, a sentence each. */
function saidOf({ labels, times }, names) {
  if (!times) return [];
  const more = labels > 1 ? `, behind the names of series in ${names[0]} and ${few(names.slice(1, labels))}` : "";
  return [`columns are called by their times, from ${spelled(times[0], {})} to ${spelled(times.at(-1), {})}${more}`];
}

function leftOut(empty) {
  return empty.length ? [`${empty.length.toLocaleString("en")} series without a value ${empty.length === 1 ? "is" : "are"} left out: ${few(empty)}`] : [];
}

/** Names for a message: the first eight. */
function few(names) {
  return names.slice(0, 8).join(", ") + (names.length > 8 ? ` and ${names.length - 8} more` : "");
}

// --------------------------------------------------------------------------------------------------------------- whole

/** The panel with its times checked, and the moments that were left out put in where the field says so. */
function inTime(panel, { time: columns, series, gaps, step: named }) {
  const time = [columns ?? []].flat().join(" ") || "column";
  const starts = panel.starts.slice(0, -1);
  if (!named && starts.every((start, number) => panel.starts[number + 1] - start < 2)) {
    const why = `a single row${series === null ? "" : " of each series"} tells no step of ${time}; expected two rows or more`;
    throw new Error(`${panel.where(0)}: ${why}. Give those before it too.`);
  }
  const step = named ? stepOf(named) : findStep(panel.times, starts, panel.isCounted);
  checkTimes(panel.times, starts, step, (row) => panel.where(row), time, { gapsAllowed: gaps === "fill" });
  return gaps === "fill" ? withoutGaps(panel, step) : panel.with({ step });
}

function withoutGaps(panel, step) {
  const parts = panel.series.map((_, number) => filled(panel.times, panel.starts[number], panel.starts[number + 1], step));
  const from = parts.flatMap(({ rows }) => rows);
  const starts = [0];
  for (const { rows } of parts) starts.push(starts.at(-1) + rows.length);
  return panel.with({
    step,
    starts,
    times: parts.flatMap(({ times }) => times),
    rows: from.map((row) => (row < 0 ? new Float64Array(panel.columns.length).fill(NaN) : panel.rows[row])),
    lines: from.map((row) => (row < 0 ? 0 : panel.lines[row])),
  });
}

/**
 * The panel with the rule for missing values followed; the targets of rows to come may be missing.
 *
 * @throws {Error} a value is missing where the rule forbids it.
 */
function whole(panel, numbers) {
  const holes = holesOf(panel, numbers);
  if (holes.length && numbers.missing === "error") {
    const given = holes.filter(([row]) => panel.lines[row]);
    if (!given.length) {
      const what = `${new Set(holes.map(([row]) => row)).size.toLocaleString("en")} rows were put in by fields.numbers.gaps=fill`;
      throw new Error(`${panel.where(0).replace(/:\d+$/, "")}: ${what}, with nothing in them. Train with a rule in fields.numbers.missing.`);
    }
    const [row, column] = given[0];
    const what = `${panel.columns[column]} is empty (${given.length.toLocaleString("en")} such cells)`;
    throw new Error(`${panel.where(row)}: ${what}; expected a number. Fill it, or train with a rule in fields.numbers.missing.`);
  }
  const rows = panel.rows.map((row) => row.slice());
  for (const [row, column] of holes) rows[row][column] = guess(panel, row, column, column < rows[row].length - numbers.static.length ? numbers.missing : "previous");
  return panel.with({ rows, filled: holes });
}

/** The cells that are missing and may not be, as [row, column]. */
function holesOf(panel, { targets, past }) {
  const holes = [];
  const toCome = new Set();
  panel.series.forEach((_, number) => {
    for (let row = panel.starts[number + 1] - 1; row >= panel.starts[number] && isUnknown(panel.rows[row], targets.length); row--) toCome.add(row);
  });
  const mayBeMissing = (row, column) => toCome.has(row) && column < targets.length + past.length;
  panel.rows.forEach((values, row) => {
    values.forEach((value, column) => {
      if (isNaN(value) && !mayBeMissing(row, column)) holes.push([row, column]);
    });
  });
  return holes;
}

/** Whether all targets of a row are missing. */
export function isUnknown(values, targets) {
  return values.subarray(0, targets).every(isNaN);
}

/** What stands in an empty place; before the first value, that value. */
function guess(panel, row, column, rule) {
  const number = panel.starts.findLastIndex((start) => start <= row);
  const isReal = (place) => !isNaN(panel.rows[place][column]);
  let [before, after] = [row, row];
  while (before >= panel.starts[number] && !isReal(before)) before--;
  while (after < panel.starts[number + 1] && !isReal(after)) after++;
  const [hasBefore, hasAfter] = [before >= panel.starts[number], after < panel.starts[number + 1]];
  if (rule === "zero" || !(hasBefore || hasAfter)) return 0;
  if (!hasBefore) return panel.rows[after][column];
  if (!hasAfter || rule === "previous") return panel.rows[before][column];
  const [low, high] = [panel.rows[before][column], panel.rows[after][column]];
  return low + ((high - low) * (row - before)) / (after - before);
}
