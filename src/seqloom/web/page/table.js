/** A table as text: comma, semicolon or tab between cells, quotes around those that need them, names in the first line. */

const DELIMITERS = [",", "\t", ";"];

/**
 * The rows of a table, each with its cells by column.
 *
 * @param {string} text
 * @returns {{names: string[], rows: Record<string, string>[]}}
 */
export function readTable(text) {
  const content = text.replace(/^\ufeff/, "").replace(/\s+$/, "");
  const lines = cellsOf(content, delimiterOf(content));
  const names = (lines.shift() ?? []).map((name) => name.trim());
  if (!lines.length) throw new Error("table: no rows; expected a line of column names and a line a row. Paste the whole table.");
  const twice = names.find((name, place) => names.indexOf(name) !== place);
  if (twice !== undefined) throw new Error(`table: column '${twice}' stands there twice; expected different names. Rename one of both.`);
  return { names, rows: lines.flatMap((cells, place) => (cells.join("") ? [rowOf(names, cells, place + 2)] : [])) };
}

function rowOf(names, cells, line) {
  if (cells.length > names.length) {
    throw new Error(`table: line ${line} has ${cells.length} cells; expected ${names.length}, as in the first line. Mend the line.`);
  }
  return Object.fromEntries(names.map((name, place) => [name, (cells[place] ?? "").trim()]));
}

/** The one that stands most often in the first line. */
function delimiterOf(text) {
  const first = text.split(/\r?\n/, 1)[0];
  const count = (delimiter) => first.split(delimiter).length;
  return DELIMITERS.reduce((best, delimiter) => (count(delimiter) > count(best) ? delimiter : best));
}

/** The cells of each line (RFC 4180). */
function cellsOf(text, delimiter) {
  const lines = [[""]];
  let isQuoted = false;
  for (let place = 0; place < text.length; place++) {
    const character = text[place];
    const line = lines.at(-1);
    if (isQuoted) {
      if (character !== '"') line[line.length - 1] += character;
      else if (text[place + 1] === '"') line[line.length - 1] += text[place++];
      else isQuoted = false;
    } else if (character === '"' && line.at(-1) === "") isQuoted = true;
    else if (character === delimiter) line.push("");
    else if (character === "\n") lines.push([""]);
    else if (character !== "\r") line[line.length - 1] += character;
  }
  return text ? lines : [];
}

/** Cells as lines of a CSV file. */
export function writeTable(lines) {
  const quoted = (cell) => (/[",\n\r]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell);
  return lines.map((cells) => `${cells.map((cell) => quoted(String(cell))).join(",")}\n`).join("");
}
