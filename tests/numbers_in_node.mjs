// What the page makes of the tables on standard input, for tests/test_web_numbers.py to hold against the Python side.
import { text } from "node:stream/consumers";
import { argv, stdin, stdout } from "node:process";

const { readPanel } = await import(`${argv[2]}panel.js`);
const { Windows } = await import(`${argv[2]}windows.js`);
const { finest, spelled } = await import(`${argv[2]}clock.js`);
const { levelsOf, normalQuantile, studentQuantile } = await import(`${argv[2]}distributions.js`);

const TASKS = { windows, past, notes, quantiles, levels };

function windows({ table, fields }) {
  try {
    const found = new Windows(readPanel(table, fields.config.numbers), fields);
    return found.panel.series.map((series, place) => {
      const { source, length, known, level, change } = found.of(place);
      const moments = found.panel.times && [0, 1, 5].map((step) => spelled(found.moment(found.origins[place] + step, place), found.panel.step, finest(found.panel.times, found.panel.step)));
      return { series, length, source: [...source], known: [...known], ...level, change, moments };
    });
  } catch (error) {
    return error.message;
  }
}

function past({ table, fields, most }) {
  return new Windows(readPanel(table, fields.config.numbers), fields).past(most);
}

function notes({ table, fields }) {
  return new Windows(readPanel(table, fields.config.numbers), fields).notes;
}

function quantiles({ levels, freedom }) {
  return levels.map((level) => [normalQuantile(level), ...freedom.map((degrees) => studentQuantile(level, degrees))]);
}

function levels({ asked }) {
  return levelsOf({ kind: "gaussian" }, asked, null);
}

const infinite = (_, value) => (Math.abs(value) === Infinity ? String(value) : value);
stdout.write(JSON.stringify(JSON.parse(await text(stdin)).map(({ task, ...given }) => TASKS[task](given)), infinite));
