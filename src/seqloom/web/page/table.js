/** A table as text: comma, semicolon or tab between cells, quotes around those that need them, names in the first line. */

import { strip } from "../fields/blanks.js";

const DELIMITERS = [",", "\t", ";"];

/**
 * The rows of a table, each with its cells by column, and the line of the text in which each begins. Blank lines are left out.
 *
 * @param {string} text
 * @returns {{names: string[], rows: Record<string, string>[], lines: number[]}}
 */
export function readTable(text) {
  const content = text.replace(/^\ufeff/, "").replace(/\r\n?/g, "\n");
  const records = recordsOf(content, delimiterOf(content)).filter(({ cells }) => cells.some(strip));
  const names = (records.shift()?.cells ?? []).map(strip);
  if (!records.length) throw new Error("table: no rows; expected a line of column names and a line a row. Paste the whole table.");
  const twice = names.find((name, place) => names.indexOf(name) !== place);
  if (twice !== undefined) throw new Error(`table: column '${twice}' stands there twice; expected different names. Rename one of both.`);
  return { names, rows: records.map((record) => rowOf(names, record)), lines: records.map(({ line }) => line) };
}

function rowOf(names, { cells, line }) {
  if (cells.length > names.length) {
    throw new Error(`table: line ${line} has ${cells.length} cells; expected ${names.length}, as in the first line. Mend the line.`);
  }
  return Object.fromEntries(names.map((name, place) => [name, strip(cells[place] ?? "")]));
}

/** The one that stands most often in the first line that is not blank. */
function delimiterOf(text) {
  const [first] = text.slice(text.lastIndexOf("\n", text.search(/\S/)) + 1).split("\n", 1);
  const count = (delimiter) => first.split(delimiter).length;
  return DELIMITERS.reduce((best, delimiter) => (count(delimiter) > count(best) ? delimiter : best));
}

/** The cells of each record, and the line in which it begins; a cell in quotes may go over several (RFC 4180). */
function recordsOf(text, delimiter) {
  const records = [{ cells: [""], line: 1 }];
  let [line, isQuoted] = [1, false];
  for (let place = 0; place < text.length; place++) {
    const character = text[place];
    const { cells } = records.at(-1);
    if (character === "\n") line++;
    if (isQuoted) {
      if (character !== '"') cells[cells.length - 1] += character;
      else if (text[place + 1] === '"') cells[cells.length - 1] += text[place++];
      else isQuoted = false;
    } else if (character === '"' && cells.at(-1) === "") isQuoted = true;
    else if (character === delimiter) cells.push("");
    else if (character === "\n") records.push({ cells: [""], line });
    else cells[cells.length - 1] += character;
  }
  return records;
}

/** Cells as lines of a CSV file. */
export function writeTable(lines) {
  const quoted = (cell) => (/[",\n\r]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell);
  return lines.map((cells) => `${cells.map((cell) => quoted(String(cell))).join(",")}\n`).join("");
}
