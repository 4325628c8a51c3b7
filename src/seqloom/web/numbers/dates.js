/** Times as tables write them, read as moments: dates in several forms, and whole numbers, in one column or in several, as in `numbers/dates.py`. */

import { beginOf, DAY, HOUR, modulo, monthOf } from "./clock.js";
import { inFigures } from "./figures.js";

const [HALF_A_DAY, A_DAY] = [12, 24]; // hours
const PART = /:\d\d\.\d*[1-9]/; // of a second
const MOST_COUNTED = 15; // digits of a number that counts
const LATEST = "9223372036854775807"; // of nanoseconds
const WHOLE_SECONDS = "whole seconds. Round the times, or train without --time: rows are numbered then.";
const LAST = /^(\d\d?)([./-])(\d\d?)\2(\d{4}|(?<!-)\d\d(?!\d))(?:(?:, ?|[T ] *)(\d\d?)([:.])(\d\d)(?:\6(\d\d)(\.\d{1,18})?)?(?: ?([AP])M)?)?$/i; // the year
const FIRST = /^(\d{4})([./-])(\d\d?)(?:\2(\d\d?)(?:[T ] *(\d\d?)([:.])(\d\d)(?:\6(\d\d)(\.\d{1,18})?)?)?)?$/; // the year, not quite in ISO form
const QUARTER = /^(\d{4})[ -]?Q([1-4])$/i;
const WEEK = /^(\d{4})[ -]?W(\d\d?)$/i;
const MONTHS = ["january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november", "december"];
const NAMED = /^(?:(\d\d?)[ -])?([a-z]{3,9})\.?(?: (\d\d?),?)?[ -](\d{4})(|[ ,T].*)$/i; // 1 March 2024, 01-Mar-2024, Mar 1, 2024, March 2024
const SHORT = /^(?:(\d\d?)([ /-])([a-z]{3,9})\.?\2|([a-z]{3,9})\.?(?:[/-]| ?(?=')))'?(\d\d)(|[ ,T].*)$/i; // 01-Mar-24, Mar-24, Mar '24
const YEAR_NAMED = /^(\d{4})[ -]([a-z]{3,9})\.?(?:[ -](\d\d?))?(|[ ,T].*)$/i;
const MONTH_YEAR = /^(\d\d?)[./-](\d{4})$/;
const YEAR_MONTH = /^(\d{4})[ -]?M(\d\d?)$/i;
const QUARTER_YEAR = /^Q([1-4])[ /-]?(\d{4})$/i;
const AHEAD = /[T ]\d\d(?::\d\d)*(?:\.\d+)?[+-](?!00:?(?:00)?\s*$)\d\d:?(?:\d\d)?\s*$/; // an offset other than that of UTC itself
const OFFSET = /([T ]\d\d(?::\d\d)*(?:\.\d+)?) ?(?:[+-]\d\d:?(?:\d\d)?|UTC|GMT|Z)\s*$/i; // from UTC, behind a moment, that of UTC itself too
const YEAR_FIRST = /^\s*\d{4}(?!\d)/; // ISO form is the same in all tables
const IN_UTC = / ?(?:UTC|GMT|Z)$/i; // behind a moment
const SAID = { quarter: ["q", "qtr", "quarter"], month: ["m", "mo", "mon", "month"], week: ["w", "wk", "week"], day: ["d", "day", "doy"] }; // names of columns
const OF_DATE = { year: ["y", "yr", "year"], month: SAID.month, day: ["d", "day"] };
const MOST = { quarter: 4, month: 12, week: 53, day: 366 }; // in a year
const FLOAT = /^(?:(\d+)[.,]0*|(\d[.,]?\d*)e\+?(\d\d?))$/i; // a whole number as a float is written
const FRACTION = /^\d+[.,]\d*[1-9]\d*$/;
const ISO = /^(\d{4})(?:-(\d\d)(?:-(\d\d)(?:[T ](\d\d)(?::(\d\d)(?::(\d\d)(?:\.\d+)?)?)?(?:Z|([+-])(\d\d):?(\d\d)?)?)?)?)?$/;
const EXPECTED = {
  iso:
    "a date in ISO form (2024-03-01 or 2024-03-01 14:00), with the month's name (1 March 2024, Mar-24), of a month, quarter or week " +
    "(03/2024, 2024Q1, 2024W09), without marks (20240301) or seconds since 1970",
  weeks: "a year and a week of it, such as 202401",
  decimal: "a year and twelfths of it, such as 2024.083",
  day_first: "a date such as 31.12.2024 or 31/12/2024 14:00",
  month_first: "a date such as 12/31/2024 or 12/31/2024 2:00 PM",
  count: "a whole number, as in training",
};

/** What whole numbers of so many digits say since 1970, and how many of their digits are behind the seconds. */
const PARTS = { 9: ["seconds", 0], 10: ["seconds", 0], 13: ["milliseconds", 3], 16: ["microseconds", 6], 19: ["nanoseconds", 9] };

/** How cells are written whose model does not say: `count` where all are whole numbers that say no date, else `iso`. */
export function findDates(cells) {
  if (!areWhole(cells)) return areDecimal(cells) ? "decimal" : "iso";
  return count(cells) ? "count" : areWeeks(cells) ? "weeks" : "iso";
}

/**
 * The moments that cells say. In ISO form, also whole numbers: dates without marks, or seconds, milli-, micro- or nanoseconds since 1970.
 * Numbers that count stay as they are.
 *
 * @param {string[]} cells
 * @param {(row: number) => string} where the place of a row, for messages
 * @param {string} column
 * @param {number[]} starts the row where each series begins
 * @param {"iso" | "weeks" | "decimal" | "day_first" | "month_first" | "count"} dates how they are written
 * @returns {number[]}
 * @throws {Error} a cell that is none of this; no whole second, where parts of seconds tell rows apart
 */
export function readTimes(cells, where, column, starts, dates) {
  const fail = (row) => {
    throw new Error(`${where(row)}: ${column} is '${cells[row]}'; expected ${EXPECTED[dates]}. Mend the cell.`);
  };
  if (dates === "iso" && areWhole(cells) && !lookLikeDates(cells) && !count(cells)) return since1970(cells, where, column, fail);
  const times = readDates(cells, dates);
  const broken = times.indexOf(undefined);
  if (broken >= 0) fail(broken);
  if (dates !== "count") refuseParts(times, cells, where, column, starts);
  return times;
}

/** The moments of dates, undefined where a cell is none. */
function readDates(cells, dates) {
  if (dates === "count") return cells.map(counted);
  if (dates === "weeks") return cells.map(weekOf);
  if (dates === "decimal") return cells.map(decimalYear);
  if (dates !== "iso" && !cells.every((cell) => YEAR_FIRST.test(cell))) return cells.map((cell) => readIso(inIsoForm(cell.replace(IN_UTC, ""), dates)));
  return areWhole(cells) && lookLikeDates(cells) ? unmarked(cells) : cells.map(readMarked);
}

/** Parts of a second are cut: refused where rows of a series differ in nothing else, or step by some. */
function refuseParts(times, cells, where, column, starts) {
  if (!cells.some((cell) => PART.test(cell))) return;
  const begins = new Set([0, ...starts]);
  const inside = [...times.keys()].filter((row) => !begins.has(row));
  const parts = cells.map((cell) => Number(/:\d\d(\.\d{1,9})/.exec(cell)?.[1] ?? 0));
  const stepTo = (row) => Math.round((times[row] - times[row - 1]) * 1e9 + (parts[row] - parts[row - 1]) * 1e9);
  const fail = (row, what) => {
    throw new Error(`${where(row)}: ${column} is '${cells[row]}', ${what}; expected ${WHOLE_SECONDS}`);
  };
  const same = inside.find((row) => times[row] === times[row - 1] && stepTo(row) > 0);
  if (same !== undefined) fail(same, "in the same second as the row before");
  const steps = inside.map(stepTo);
  const counts = new Map();
  for (const step of steps) counts.set(step, (counts.get(step) ?? 0) + 1);
  const uneven = inside.filter((_, place) => modulo(steps[place], 1e9) > 0);
  if (uneven.length > steps.length / 2 && [...counts.values()].some((count) => count > steps.length / 2)) fail(uneven[0], "and rows step by parts of a second");
}

// --------------------------------------------------------------------------------------------------- dates with marks

/** The moment of a date with the year first. */
function readMarked(cell) {
  const text = cell.replace(IN_UTC, "");
  if (isWhole(text) && looksLikeDate(text)) return unmarked([text])[0];
  const numbers = inNumbers(text);
  if (numbers) return readIso(inIsoForm(numbers, "day_first"));
  const [quarter, week] = [QUARTER.exec(text), WEEK.exec(text)];
  if (quarter) return readIso(`${quarter[1]}-${padded(3 * quarter[2] - 2)}`);
  if (week) return monday(Number(week[1]), Number(week[2]));
  return readIso(cell) ?? readIso(withTheYearFirst(text));
}

/** A date with the name of its month, or without a day, as day.month.year and the time of the day behind it; "" where it is none. */
function inNumbers(text) {
  const [, before, name, behind, year, rest] = NAMED.exec(text) ?? [];
  if (name && !(before && behind)) return `${before ?? behind ?? 1}.${monthNumber(name)}.${year}${rest}`;
  const [, date = 1, , inside, alone, digits, behindIt] = SHORT.exec(text) ?? [];
  if (digits) return `${date}.${monthNumber(inside ?? alone)}.${wholeYear(digits)}${behindIt}`;
  const [, first, named, day = 1, more] = YEAR_NAMED.exec(text) ?? [];
  if (named) return `${day}.${monthNumber(named)}.${first}${more}`;
  const [month, numbered, quarter] = [MONTH_YEAR, YEAR_MONTH, QUARTER_YEAR].map((form) => form.exec(text));
  if (month) return `1.${month[1]}.${month[2]}`;
  if (numbered) return `1.${numbered[2]}.${numbered[1]}`;
  return quarter ? `1.${3 * quarter[1] - 2}.${quarter[2]}` : "";
}

/** The year that two digits say, from 1969 to 2068. */
function wholeYear(digits) {
  return Number(digits) + (Number(digits) >= 69 ? 1900 : 2000);
}

/** The number of a month that is named, whole or in three letters, September also in four; 0 where it is none. */
function monthNumber(name) {
  const low = name.toLowerCase();
  return low === "sept" ? 9 : MONTHS.findIndex((month) => low === month || low === month.slice(0, 3)) + 1;
}

function withTheYearFirst(text) {
  const [year, , month, day = "01", hour = "0", , minute = "00", seconds = "00", part = ""] = FIRST.exec(text)?.slice(1) ?? [];
  return year ? `${year}-${padded(month)}-${padded(day)}T${padded(hour)}:${minute}:${seconds}${part}` : text.replaceAll("/", "-");
}

/** A date with the year last in ISO form, "" where it is none. */
function inIsoForm(cell, dates) {
  const [first, , second, year, hour = "0", , minute = "00", seconds = "00", part = "", half] = LAST.exec(cell)?.slice(1) ?? [];
  if (!first || year === "0000" || (half && (Number(hour) < 1 || Number(hour) > HALF_A_DAY))) return "";
  const hours = half ? (Number(hour) % HALF_A_DAY) + (half.toUpperCase() === "P" ? HALF_A_DAY : 0) : Number(hour);
  const [day, month] = (dates === "day_first" ? [first, second] : [second, first]).map(padded);
  return `${year.length > 2 ? year : wholeYear(year)}-${month}-${day}T${padded(hours)}:${minute}:${seconds}${part}`;
}

/** The moment that a date in ISO form says, 24:00 as the begin of the next day; undefined where it is none. */
function readIso(cell) {
  const found = ISO.exec(cell);
  if (!found) return undefined;
  const [year, month = 1, day = 1, hour = 0, minute = 0, second = 0] = found.slice(1, 7).map((part) => part && Number(part));
  const [sign, hours = 0, minutes = 0] = [found[7], ...found.slice(8).map((part) => part && Number(part))];
  const begin = beginOf(12 * (year - 1970) + month - 1);
  const isReal = month >= 1 && month <= 12 && day >= 1 && monthOf(begin + (day - 1) * DAY) === monthOf(begin);
  const isEnd = hour === A_DAY && !minute && !second && !sign;
  if (!isReal || (hour >= A_DAY && !isEnd) || hours >= A_DAY || Math.max(minute, minutes, second) > 59) return undefined;
  const ahead = (sign === "-" ? -1 : 1) * (hours * HOUR + minutes * 60);
  return begin + (day - 1) * DAY + hour * HOUR + minute * 60 + second - ahead;
}

/** With which a week of ISO 8601 begins, undefined where the year has no such week. */
function monday(year, week) {
  const first = (year) => {
    const fourth = beginOf(12 * (year - 1970)) + 3 * DAY; // of January, which lies in the first week
    return fourth - modulo(fourth / DAY + 3, 7) * DAY;
  };
  const begin = first(year) + (week - 1) * 7 * DAY;
  return week >= 1 && begin < first(year + 1) ? begin : undefined;
}

function padded(number) {
  return String(number).padStart(2, "0");
}

// ------------------------------------------------------------------------------------------------------ whole numbers

/** Whether all are whole numbers, and not all of them years. */
function areWhole(cells) {
  return cells.every(isWhole) && !cells.every((cell) => /^(1[6-9]|2[01])\d\d$/.test(cell));
}

function isWhole(cell) {
  return /^\p{Nd}+$/u.test(cell);
}

/** Whether whole numbers have the digits and the centuries of dates without marks, and are no seconds of the years to come. */
function lookLikeDates(cells) {
  const digits = cells[0].length;
  if (!cells.every((cell) => cell.length === digits && looksLikeDate(cell))) return false;
  return digits !== 10 || cells.every((cell) => cell > "2") || !unmarked(cells).includes(undefined);
}

function looksLikeDate(cell) {
  return [6, 8, 10, 12, 14].includes(cell.length) && /^(19|20)/.test(cell);
}

/** Whether whole numbers say neither dates nor what has gone by since 1970. */
function count(cells) {
  const sizes = new Set(cells.map((cell) => cell.length));
  if (sizes.size === 1 && cells[0].length > 10 && Object.hasOwn(PARTS, cells[0].length)) return false;
  return ![...sizes].every((size) => size === 9 || size === 10) && Math.max(...sizes) <= MOST_COUNTED && !lookLikeDates(cells);
}

/** A number that counts, undefined where it is none. */
function counted(cell) {
  return isWhole(cell) && cell.length <= MOST_COUNTED ? Number(inFigures(cell)) : undefined;
}

/** The moments of whole numbers of seconds or parts of them. */
function since1970(cells, where, column, fail) {
  const [name, digits] = PARTS[cells[0].length] ?? ["seconds", 0];
  cells.forEach((cell, row) => {
    if (cell.length > LATEST.length || (cell.length === LATEST.length && cell > LATEST) || (cell.length > MOST_COUNTED && !digits)) fail(row);
  });
  const row = cells.findIndex((cell) => digits && !/^0+$/.test(cell.slice(-digits)));
  if (row < 0) return cells.map((cell) => Number(inFigures(cell.slice(0, cell.length - digits))));
  throw new Error(`${where(row)}: ${column} is '${cells[row]}', taken for ${name} since 1970; expected ${WHOLE_SECONDS}`);
}

/** The moments of dates without marks, undefined where a number is none. */
function unmarked(cells) {
  return cells.map((cell) => {
    const [year, month, day = "01", hour = "00", minute = "00", second = "00"] = [cell.slice(0, 4), ...cell.slice(4).match(/../g)];
    return readIso(`${year}-${month}-${day}T${hour}:${minute}:${second}`);
  });
}

/** Whether six digits are a year and a week of it, and not all of them a year and a month. */
function areWeeks(cells) {
  return cells[0].length === 6 && lookLikeDates(cells) && unmarked(cells).includes(undefined) && !cells.map(weekOf).includes(undefined);
}

/** The Monday of a year and a week in six digits, undefined where a number is none. */
function weekOf(cell) {
  return cell.length === 6 && isWhole(cell) ? monday(Number(cell.slice(0, 4)), Number(cell.slice(4))) : undefined;
}

/** Whether all are years and twelfths of them, and not all a year and a month, as 2024.01 is. */
function areDecimal(cells) {
  return cells.length > 0 && !cells.map(decimalYear).includes(undefined) && cells.map(readMarked).includes(undefined);
}

/** The month of a year with decimals, undefined where a cell is none, or no twelfth. */
function decimalYear(cell) {
  if (!/^\d{4}(\.\d+)?$/.test(cell)) return undefined;
  const months = 12 * Number(cell);
  return Math.abs(months - Math.round(months)) < 0.05 ? beginOf(Math.round(months) - 12 * 1970) : undefined; // as 0.08 is a twelfth of a year
}

// ---------------------------------------------------------------------------------------------------- several columns

/** Whole numbers without the decimals of floats; where one has a part behind the full stop, as 2024.083 has, all stay. */
function asWhole(cells) {
  if (!cells.length || !FLOAT.test(cells[0]) || cells.some((cell) => FRACTION.test(cell))) return cells;
  return cells.map((cell) => {
    const [, whole, digits, exponent] = FLOAT.exec(cell) ?? [];
    if (!digits) return whole ?? cell;
    const [first, rest = ""] = digits.split(/[.,]/);
    const behind = rest.replace(/0+$/, "").length; // digits are moved, not numbers: nanoseconds have more than a number holds
    return behind > exponent ? cell : (first + rest.slice(0, exponent).padEnd(exponent, "0")).replace(/^0+(?=.)/, "");
  });
}

/**
 * What the columns of a time say as one: a date, or year, month and day, or year and another part of it, in whole numbers, and then a time
 * of the day, or hour, minute and second, or an hour alone, or 930 for half past nine, as far as they are given.
 *
 * @param {string[][]} written rows
 * @param {string[]} names of the columns
 * @param {{months: number, seconds: number} | null} step where it is known
 * @returns {{cells: string[], said: string[]}} and what was found and may be meant otherwise, a sentence each
 */
export function together(written, names, step = null) {
  if (!written.length) return { cells: [], said: [] };
  const columns = names.map((_, place) => asWhole(written.map((row) => row[place])));
  const rows = written.map((_, row) => columns.map((cells) => cells[row]));
  if (names.length === 1) return { cells: rows.flat(), said: [] };
  const order = inOrder(names);
  return inTheirOrder(
    rows.map((row) => order.map((place) => row[place])),
    order.map((place) => names[place]),
    step,
  );
}

/** The places of the columns of a time: the year, its month and its day in this order, where names say both, and the others behind. */
function inOrder(names) {
  const all = names.map((_, place) => place);
  const parts = names.map(partOfDate);
  const places = ["year", "month", "day"].flatMap((part) => all.filter((place) => parts[place] === part));
  const areSaid = ["year", "month"].every((part) => parts.includes(part));
  const isOnce = new Set(places.map((place) => parts[place])).size === places.length;
  return areSaid && isOnce ? [...places, ...all.filter((place) => !places.includes(place))] : all;
}

function partOfDate(column) {
  const name = column.toLowerCase();
  const [year, month, day] = Object.values(OF_DATE).map((words) => words.some((word) => name === word || (word.length > 2 && name.includes(word))));
  if (day) return year || name.includes("week") ? "" : "day"; // of the year or the week, else of the month
  return month ? "month" : year ? "year" : "";
}

function inTheirOrder(rows, names, step) {
  const part = partOfYear(rows, names, step);
  const dates = part === "month" ? Math.max(wholeDates(rows), 1) : 2;
  const clocks = clocksOf(rows.map((row) => row.slice(dates)));
  const cells = rows.map((row, place) => `${dateOf(row.slice(0, dates), part)} ${clocks[place]}`.trim());
  return { cells, said: part === "month" ? [] : [`${names[1]} is read as the ${part} of the year`] };
}

/** What the second column of a time says of the year in the first: as its name says, the step, or how many there are. */
function partOfYear(rows, names, step) {
  const whole = wholeDates(rows);
  if (whole < 2) return "month";
  const most = rows.reduce((most, row) => Math.max(most, Number(inFigures(row[1]))), 0);
  const name = names[1].toLowerCase();
  const said = Object.keys(SAID).find((part) => SAID[part].some((word) => name === word || (word.length > 2 && name.includes(word))));
  if (said) return said;
  if (whole > 2) return most <= MOST.month ? "month" : "day";
  if (!step) return Object.keys(MOST).find((part) => most <= MOST[part]) ?? "month";
  if (step.months) return step.months % 3 || most > MOST.quarter ? "month" : "quarter";
  return step.seconds % (7 * DAY) ? "day" : "week";
}

/** How many of the first columns are a year and whole numbers behind it, three at the most; 0 where there is no year. */
function wholeDates(rows) {
  const whole = rows[0].slice(0, 3).map((_, place) => rows.every((row) => isWhole(row[place])));
  return whole[0] && rows.every((row) => row[0].length === 4) ? [...whole, false].indexOf(false) : 0;
}

function dateOf([first, ...rest], part) {
  if (part === "day") return dayOfYear(first, numberOf(rest[0]));
  if (part !== "month") return `${first}${part[0].toUpperCase()}${numberOf(rest[0])}`;
  if (rest.length) return [first, ...rest.map((part) => padded(numberOf(part)))].join("-");
  return /^(19|20)\d{6}$/.test(first) ? `${first.slice(0, 4)}-${first.slice(4, 6)}-${first.slice(6)}` : first;
}

/** A whole number as it is written shortest, however many digits it has. */
function numberOf(digits) {
  return inFigures(digits).replace(/^0+(?=.)/, "");
}

function dayOfYear(year, number) {
  const january = 12 * (numberOf(year) - 1970);
  const day = beginOf(january) + (number - 1) * DAY;
  const isReal = numberOf(year) > 0 && number > 0 && day < beginOf(january + 12);
  return isReal ? new Date(day * 1000).toISOString().slice(0, 10) : `${year}-${number.padStart(3, "0")}`; // which is no date, and is named
}

/** Times of the day; as they are written where they are not whole numbers. */
function clocksOf(rows) {
  if (!rows.every((row) => row.every(isWhole))) return rows.map((row) => row.join(" "));
  if (rows[0].length !== 1) return rows.map((row) => row.map((part) => padded(numberOf(part))).join(":"));
  const digits = rows.reduce((most, [part]) => Math.max(most, part.length), 0);
  if (digits <= 2) return rows.map(([part]) => `${padded(numberOf(part))}:00`);
  return rows.map(([part]) => part.padStart(digits + (digits % 2), "0").match(/../g).join(":"));
}

/** Whether a moment says how far it is from UTC. */
export function hasOffsets(cells) {
  return cells.some((cell) => AHEAD.test(cell));
}

/** The moments as the clock of the place shows them. */
export function withoutOffsets(cells) {
  return cells.map((cell) => cell.replace(OFFSET, "$1"));
}
