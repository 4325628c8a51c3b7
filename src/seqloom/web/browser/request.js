/** What to answer, and how: `PredictRequest` of `server/wire.py`, with its limits. `tests/test_web_requests.py` holds both to the same refusals. */

import { nearest, printable, quoted, shown } from "./words.js";

export const ADVICE = "docs/serving.md lists what is allowed.";
const MOST = 100_000; // of anything that is counted
const MOST_QUANTILES = 99;
const MOST_LENGTH_PENALTY = 10;
const TEXTS = "expected a text, or a list of texts, in the order of the columns, where the model has several";
const CELLS = new Set(["string", "number", "boolean", "undefined"]); // the types of what may stand in a cell; one that is left out is empty
const GIVEN = ["input", "inputs", "table", "values"]; // what can be answered; a request has one of them
const OF_NUMBERS = ["history", "length", "quantiles", "table", "values"]; // what a request says to models of numbers alone
const OF_TABLES = ["history", "model", "quantiles", "table"]; // what it may say to a model of a table

/** In the order in which the server looks at them. */
const RULES = {
  input: optional(source),
  inputs: optional(listOf(source, 1)),
  table: optional(listOf(row, 1)),
  values: optional(listOf(listOf(listOf(number())), 1)),
  quantiles: optional(listOf(level, 0, MOST_QUANTILES)),
  history: optional(whole(1)),
  length: optional(whole(1)),
  model: optional(text),
  beam: optional(whole(1)),
  n_best: whole(1),
  scores: truth,
  attention: truth,
  min_length: optional(whole(0)),
  max_length: optional(whole(1)),
  length_penalty: optional(number(0, MOST_LENGTH_PENALTY)),
  prefix: text,
  replace_unknown: truth,
  stream: truth,
};
const DEFAULTS = { n_best: 1, scores: false, attention: false, prefix: "", replace_unknown: false };

/**
 * A request to a model of texts or sounds, with what it left out: the sources, and how a message names the one at a place.
 *
 * @param {object} request as `POST /v1/predict` takes it
 * @param {{name: string, hears?: boolean}} model its name, and whether sources are sounds, which their field checks
 * @throws {Error} what the server would refuse, in its words.
 */
export function readSources(request, { name, hears = false }) {
  const given = checked(request, hears);
  refuseAnother(given.model, name);
  const idle = OF_NUMBERS.find((key) => Object.hasOwn(given, key));
  if (idle) throw new Error(`${idle}: of no effect, model ${name} answers no numbers; expected input or inputs. Give those.`);
  if (given.stream) throw new Error("stream: of no effect in the browser, where answers come together; expected false. Leave it out.");
  const isOne = (given.input ?? null) !== null;
  const settings = Object.entries(given).filter(([, value]) => value !== null);
  return { ...DEFAULTS, ...Object.fromEntries(settings), sources: isOne ? [given.input] : given.inputs, where: (place) => (isOne ? "input" : `inputs[${place}]`) };
}

/** A request to a model that forecasts; otherwise as `readSources`. */
export function readTable(request, { name }) {
  const given = checked(request, false);
  refuseAnother(given.model, name);
  if ((given.table ?? null) === null) {
    throw new Error(`body: model ${name} forecasts numbers; expected table, a list of rows as objects, as in [{...}, ...]. ${ADVICE}`);
  }
  const [idle] = Object.keys(given).filter((key) => !OF_TABLES.includes(key)).sort();
  if (idle) throw new Error(`${idle}: of no effect, model ${name} forecasts numbers. Leave it out.`);
  return { table: given.table, quantiles: given.quantiles ?? undefined, history: given.history ?? 0 };
}

/** What was given, each value found to be of its kind and within its limits. */
function checked(request, hears) {
  if (typeof request !== "object" || request === null || Array.isArray(request)) throw new Error(`body: expected an object with input or inputs. ${ADVICE}`);
  const given = Object.fromEntries(Object.entries(request).filter(([, value]) => value !== undefined));
  for (const [key, rule] of Object.entries(RULES)) if (Object.hasOwn(given, key) && !(hears && key.startsWith("input"))) rule(given[key], key);
  const unknown = Object.keys(given).find((key) => !Object.hasOwn(RULES, key));
  if (unknown !== undefined) throw new Error(`body: unknown key ${quoted(printable(unknown))}.${nearest(unknown, Object.keys(RULES))} ${ADVICE}`);
  const found = GIVEN.filter((key) => (given[key] ?? null) !== null);
  if (found.length !== 1) throw new Error(`body: expected one of input, inputs, table and values; got ${found.join(" and ") || "none of them"}. ${ADVICE}`);
  const { beam = null, n_best: most = 1 } = given;
  if (beam !== null && most > beam) {
    const [above, below] = [most, beam].map((number) => number.toLocaleString("en"));
    throw new Error(`body: n_best ${above} is above beam ${below}; lower the one or raise the other, or leave beam out. ${ADVICE}`);
  }
  if (hears && found[0] === "inputs") listOf(() => {}, 1)(given.inputs, "inputs");
  return given;
}

function refuseAnother(asked, name) {
  if ((asked ?? name) !== name) throw new Error(`model: no model of this name; expected one of: ${name}.${nearest(asked, [name])} Leave it out.`);
}

function refuse(where, expected, value) {
  throw new Error(`${where}: ${expected}; got ${shown(value)}. ${ADVICE}`);
}

// ------------------------------------------------------------------------------------------------------------- rules

function optional(rule) {
  return (value, where) => value === null || rule(value, where);
}

function listOf(rule, least = 0, most = Infinity) {
  return (value, where) => {
    if (!Array.isArray(value)) refuse(where, "expected a list", value);
    value.forEach((part, place) => rule(part, `${where}[${place}]`));
    if (value.length < least) refuse(where, "expected at least one", value);
    if (value.length > most) refuse(where, `expected at most ${most}`, value);
  };
}

function whole(least) {
  return (value, where) => {
    if (!Number.isInteger(value)) refuse(where, "expected a whole number", value);
    within(value, where, least, MOST);
  };
}

function number(least = -Infinity, most = Infinity) {
  return (value, where) => {
    if (typeof value !== "number") refuse(where, "expected a number", value);
    if (!Number.isFinite(value)) refuse(where, "expected a finite number", value);
    within(value, where, least, most);
  };
}

function within(value, where, least, most) {
  if (value < least) refuse(where, `expected ${least} or more`, value);
  if (value > most) refuse(where, `expected ${most.toLocaleString("en")} or less`, value);
}

function level(value, where) {
  if (typeof value !== "number") refuse(where, "expected a number", value);
  if (!(value < 1)) refuse(where, "Input should be less than 1", value);
  if (value <= 0) refuse(where, "Input should be greater than 0", value);
}

function text(value, where) {
  if (typeof value !== "string") refuse(where, "expected a text", value);
}

function truth(value, where) {
  if (typeof value !== "boolean") refuse(where, "expected true or false", value);
}

function source(value, where) {
  const texts = Array.isArray(value) ? value : [value];
  if (!texts.length || texts.some((part) => typeof part !== "string")) refuse(where, TEXTS, value);
}

function row(value, where) {
  if (typeof value !== "object" || value === null || Array.isArray(value)) refuse(where, "Input should be a valid dictionary", value);
  for (const [name, part] of Object.entries(value)) {
    if (!CELLS.has(typeof part) && part !== null) refuse(`${where}.${name}`, "expected a text, a number, true or false", part);
  }
}
