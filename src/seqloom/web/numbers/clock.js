/**
 * Time columns: read, checked for order, gaps and duplicates, continued, and shown to a model as sine and cosine, as in `clock.py`.
 *
 * A moment is a number of seconds since 1970, or one that counts rows. A step is `{months, seconds, fromEnd, isCount, weekdays}`: so many
 * months or so many seconds from row to row; `fromEnd` where a day of the month is counted from its end, `isCount` where the seconds are
 * none, `weekdays` where days are from Monday to Friday.
 */

const [HOUR, DAY, WEEK] = [3600, 86_400, 7 * 86_400];
const YEAR = 365.2425 * DAY;
const HALF_A_DAY = 12; // hours
const PART = /:\d\d\.\d*[1-9]/; // of a second
const WORKING = 5; // days of a week, from Monday on
const WIDEST_GAP = 10; // times as many rows as there are may be put in at once,
const MOST_FILLED = 100; // and together
const MOST_COUNTED = 15; // digits of a number that counts
const LATEST = "9223372036854775807"; // of nanoseconds
const WHOLE_SECONDS = "whole seconds. Round the times, or leave --time out: rows are numbered then.";
const EPOCH_MONDAY = 4 * DAY; // 1970-01-05 was a Monday
const DATED = /^(\d\d?)([./-])(\d\d?)\2(\d{4})(?:(?:, ?|[T ] *)(\d\d?)([:.])(\d\d)(?:\6(\d\d)(\.\d{1,18})?)?(?: ?([AP])M)?)?$/i; // the year last
const YEAR_FIRST = /^(\d{4})([./-])(\d\d?)\2(\d\d?)(?:[T ] *(\d\d?)([:.])(\d\d)(?:\6(\d\d)(\.\d{1,18})?)?)?$/; // not quite in ISO form
const QUARTER = /^(\d{4})[ -]?Q([1-4])$/i;
const IN_UTC = / ?(?:UTC|GMT|Z)$/i; // behind a moment
const EXPECTED = {
  iso: "a date in ISO form (2024-03-01 or 2024-03-01 14:00), one without marks (20240301) or seconds since 1970",
  day_first: "a date such as 31.12.2024 or 31/12/2024 14:00",
  month_first: "a date such as 12/31/2024 or 12/31/2024 2:00 PM",
  count: "a whole number, as in training",
};
const ISO = /^(\d{4})(?:-(\d\d)(?:-(\d\d)(?:[T ](\d\d)(?::(\d\d)(?::(\d\d)(?:\.\d+)?)?)?(?:Z|([+-])(\d\d):?(\d\d)?)?)?)?)?$/;

/** What whole numbers of so many digits say since 1970, and how many of their digits are behind the seconds. */
const PARTS = { 9: ["seconds", 0], 10: ["seconds", 0], 13: ["milliseconds", 3], 16: ["microseconds", 6], 19: ["nanoseconds", 9] };

/** From a moment's seconds to the turns of each cycle that have gone by, 0 to 1. */
const CYCLES = {
  minute: (moment) => turnsOf(moment, HOUR),
  hour: (moment) => turnsOf(moment, DAY),
  weekday: (moment) => turnsOf(moment, WEEK),
  monthday: (moment) => {
    const month = monthOf(moment);
    return (moment - beginOf(month)) / (beginOf(month + 1) - beginOf(month));
  },
  yearday: (moment) => turnsOf(moment, YEAR),
  month: (moment) => modulo(monthOf(moment), 12) / 12,
};

/** How cells are written whose model does not say: `count` where all are whole numbers that say no date, else `iso`. */
export function findDates(cells) {
  return areWhole(cells) && !sayTime(cells) && cells.every((cell) => cell.length <= MOST_COUNTED) ? "count" : "iso";
}

/**
 * The moments that cells say. In ISO form, also whole numbers: dates without marks, or seconds, milli-, micro- or nanoseconds since 1970.
 * Numbers that count stay as they are.
 *
 * @param {string[]} cells
 * @param {(row: number) => string} where the place of a row, for messages
 * @param {string} column
 * @param {number[]} starts the row where each series begins
 * @param {"iso" | "day_first" | "month_first" | "count"} dates how they are written
 * @returns {number[]}
 * @throws {Error} a cell that is none of this; no whole second, where parts of seconds tell rows apart
 */
export function readTimes(cells, where, column, starts, dates) {
  if (dates === "iso" && areWhole(cells) && sayTime(cells)) return fromNumbers(cells, where, column);
  const read = dates === "iso" ? readMarked : dates === "count" ? counted : (cell) => readIso(inIsoForm(cell, dates));
  const times = cells.map((cell, row) => {
    const moment = read(cell);
    if (moment !== undefined) return moment;
    throw new Error(`${where(row)}: ${column} is '${cell}'; expected ${EXPECTED[dates]}. Mend the cell.`);
  });
  if (dates !== "count") refuseParts(times, cells, where, column, starts);
  return times;
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
  if (uneven.length > steps.length / 2 && Math.max(...counts.values()) > steps.length / 2) fail(uneven[0], "and rows step by parts of a second");
}

/** The moment of a date in ISO form, between whose parts there may be slashes. */
function readMarked(cell) {
  const text = cell.replace(IN_UTC, "");
  const quarter = QUARTER.exec(text);
  return readIso(cell) ?? readIso(quarter ? `${quarter[1]}-${padded(3 * quarter[2] - 2)}` : withTheYearFirst(text));
}

function withTheYearFirst(text) {
  const [year, , month, day, hour = "0", , minute = "00", seconds = "00", part = ""] = YEAR_FIRST.exec(text)?.slice(1) ?? [];
  return year ? `${year}-${padded(month)}-${padded(day)}T${padded(hour)}:${minute}:${seconds}${part}` : text.replaceAll("/", "-");
}

function padded(number) {
  return String(number).padStart(2, "0");
}

/** What the columns of a time say as one: whole numbers of a year, month, day, hour, minute and second, or parts that stand behind each other. */
export function together(rows) {
  const isWhole = (row) => row[0].length === 4 && row.every((part) => /^\d+$/.test(part));
  return rows.map((row) => (row.length > 1 && rows.every(isWhole) ? ofParts(row) : row.join(" ")));
}

function ofParts([year, ...rest]) {
  const parts = rest.map((part) => padded(Number(part)));
  return `${[year, ...parts.slice(0, 2)].join("-")} ${parts.slice(2).join(":")}`.trimEnd();
}

/** A date with the year last in ISO form, "" where it is none. */
function inIsoForm(cell, dates) {
  const [first, , second, year, hour = "0", , minute = "00", seconds = "00", part = "", half] = DATED.exec(cell)?.slice(1) ?? [];
  if (!first || year === "0000" || (half && (Number(hour) < 1 || Number(hour) > HALF_A_DAY))) return "";
  const hours = half ? (Number(hour) % HALF_A_DAY) + (half.toUpperCase() === "P" ? HALF_A_DAY : 0) : Number(hour);
  const [day, month] = (dates === "day_first" ? [first, second] : [second, first]).map(padded);
  return `${year}-${month}-${day}T${padded(hours)}:${minute}:${seconds}${part}`;
}

/** Whether all are whole numbers, and not all of them years. */
function areWhole(cells) {
  return cells.every((cell) => /^\d+$/.test(cell)) && !cells.every((cell) => /^(1[6-9]|2[01])\d\d$/.test(cell));
}

/** Whether whole numbers say when: dates without marks, or what has gone by since 1970. */
function sayTime(cells) {
  if (cells.every((cell) => cell.length === 9 || cell.length === 10)) return true;
  if (cells.every((cell) => cell.length === cells[0].length) && cells[0].length in PARTS) return cells.every((cell) => cell.length < 19 || cell <= LATEST);
  return unmarked(cells) !== undefined;
}

/** The moments of whole numbers that say them. */
function fromNumbers(cells, where, column) {
  const moments = unmarked(cells);
  if (moments) return moments;
  const [name, digits] = PARTS[cells[0].length];
  const row = cells.findIndex((cell) => digits && !/^0+$/.test(cell.slice(-digits)));
  if (row < 0) return cells.map((cell) => Number(cell.slice(0, cell.length - digits)));
  throw new Error(`${where(row)}: ${column} is '${cells[row]}', taken for ${name} since 1970; expected ${WHOLE_SECONDS}`);
}

/** The moments of dates without marks, of 6, 8, 10, 12 or 14 digits; undefined where not all are one. */
function unmarked(cells) {
  const digits = cells[0].length;
  if (digits < 6 || digits > 14 || digits % 2 || !cells.every((cell) => cell.length === digits && /^(19|20)/.test(cell))) return undefined;
  const moments = cells.map((cell) => {
    const [year, month, day = "01", hour = "00", minute = "00", second = "00"] = [cell.slice(0, 4), ...cell.slice(4).match(/../g)];
    return readIso(`${year}-${month}-${day}T${hour}:${minute}:${second}`);
  });
  return moments.includes(undefined) ? undefined : moments;
}

/** A number that counts, undefined where it is none. */
function counted(cell) {
  return /^\d+$/.test(cell) && cell.length <= MOST_COUNTED ? Number(cell) : undefined;
}

/** The moment that a date in ISO form says; undefined where it is none. */
function readIso(cell) {
  const found = ISO.exec(cell);
  if (!found) return undefined;
  const [year, month = 1, day = 1, hour = 0, minute = 0, second = 0] = found.slice(1, 7).map((part) => part && Number(part));
  const [sign, hours = 0, minutes = 0] = [found[7], ...found.slice(8).map((part) => part && Number(part))];
  const begin = beginOf(12 * (year - 1970) + month - 1);
  const isReal = month >= 1 && month <= 12 && day >= 1 && monthOf(begin + (day - 1) * DAY) === monthOf(begin);
  if (!isReal || Math.max(hour, hours) > 23 || Math.max(minute, minutes, second) > 59) return undefined;
  const ahead = (sign === "-" ? -1 : 1) * (hours * HOUR + minutes * 60);
  return begin + (day - 1) * DAY + hour * HOUR + minute * 60 + second - ahead;
}

/**
 * The commonest step between rows, none of which may be in `starts`; calendar months where all days of the month are the same, and plain
 * numbers where rows are counted.
 */
export function findStep(times, starts, isCount) {
  const begins = new Set([0, ...starts]);
  const inside = [...times.keys()].filter((row) => !begins.has(row));
  const usualOf = (moments) => commonest(inside.map((row) => moments[row] - moments[row - 1]).filter((gap) => gap > 0));
  if (isCount) return { months: 0, seconds: usualOf(times), fromEnd: false, isCount };
  if (!inside.length) return { months: 0, seconds: DAY, fromEnd: false };
  const months = times.map(monthOf);
  const areSame = (place) => new Set(times.map((moment, row) => moment - beginOf(months[row] + place))).size === 1;
  const [fromBegin, fromEnd] = [areSame(0), areSame(1)];
  const usual = usualOf(fromBegin || fromEnd ? months : times);
  if (fromBegin || fromEnd) return { months: usual, seconds: 0, fromEnd: !fromBegin };
  return { months: 0, seconds: usual, fromEnd: false, weekdays: usual === DAY && areWeekdays(times, inside) };
}

/** Whether all moments are at one time of the day, from Monday to Friday, and a Monday follows a Friday. */
function areWeekdays(times, inside) {
  const since = times.map((moment) => moment - EPOCH_MONDAY);
  const days = since.map((moment) => Math.floor(moment / DAY));
  const follows = (row) => modulo(days[row], 7) === 0 && days[row] - days[row - 1] === 3;
  return new Set(since.map((moment) => modulo(moment, DAY))).size === 1 && days.every((day) => modulo(day, 7) < WORKING) && inside.some(follows);
}

/** Days from Monday to Friday since a Monday. */
function weekdaysSince(moment) {
  const days = Math.floor((moment - EPOCH_MONDAY) / DAY);
  return WORKING * Math.floor(days / 7) + modulo(days, 7);
}

/** The number that stands there most often, the smallest of several; 1 where there is none. */
function commonest(numbers) {
  const counts = new Map();
  for (const number of numbers.toSorted((one, other) => one - other)) counts.set(number, (counts.get(number) ?? 0) + 1);
  return [...counts].reduce((best, entry) => (entry[1] > best[1] ? entry : best), [1, 0])[0];
}

/**
 * Make sure that each series goes on by one step from row to row.
 *
 * @throws {Error} a row that is earlier than the one before, the same, or too late; says which.
 */
export function checkTimes(times, starts, step, where, column, { gapsAllowed }) {
  const begins = new Set(starts);
  const wrong = [...times.keys()].filter((row) => row && !begins.has(row) && times[row] !== continued(times[row - 1], step, 1));
  let putIn = 0;
  for (const row of wrong) {
    const count = stepsBetween(times[row - 1], times[row], step);
    putIn += count - 1;
    if (gapsAllowed && count > 0 && count <= WIDEST_GAP * times.length) continue;
    throw new Error(`${where(row)}: ${faultOf(times[row - 1], times[row], { count, gapsAllowed, wrong: wrong.length }, step, column)}.`);
  }
  if (putIn > MOST_FILLED * times.length) {
    const [most, rows] = [putIn, times.length].map((number) => number.toLocaleString("en"));
    const what = `between ${rows} rows ${most} are left out, one every ${named(step)}; expected at most ${MOST_FILLED} times the rows`;
    throw new Error(`${where(0)}: ${what}. Mend the times, or give a row for a longer step.`);
  }
}

function faultOf(before, now, { count, gapsAllowed, wrong }, step, column) {
  const [later, earlier] = [spelled(now, step), spelled(before, step)];
  if (now === before) return `the same ${column} as the row before (${later}). Remove one of the two, or name the column of the series`;
  if (now < before) return `${later} after ${earlier}. Sort the table by ${column}, or name the column of the series`;
  const follows = `${later} follows ${earlier}`;
  if (!count) return `${follows}; expected a row every ${named(step)}, or so many of them later. Bring the times to even steps`;
  if (gapsAllowed) return `${follows}, ${count.toLocaleString("en")} steps later; expected at most ${WIDEST_GAP} times the rows. Mend the time, or cut the table there`;
  const rows = `${wrong.toLocaleString("en")} such row${wrong > 1 ? "s" : ""}`;
  return `${follows}; expected a row every ${named(step)} (${rows}). Put in what is missing`;
}

function named({ months, seconds, isCount, weekdays }) {
  if (isCount) return String(seconds);
  if (weekdays) return "weekday";
  const units = [["week", WEEK], ["day", DAY], ["hour", HOUR], ["minute", 60], ["second", 1]];
  const [unit, size] = months ? ["month", 1] : units.find(([, size]) => seconds % size === 0);
  const count = (months || seconds) / size;
  return `${count} ${unit}${count > 1 ? "s" : ""}`;
}

/** How many steps lie between moments; 0 where they are not whole. */
function stepsBetween(before, now, step) {
  if (step.weekdays) return weekdaysSince(now) - weekdaysSince(before);
  const between = step.months ? monthOf(now) - monthOf(before) : now - before;
  const size = step.months || step.seconds;
  return between % size === 0 ? between / size : 0;
}

/** Moments without gaps and for each the row that it comes from, -1 where there is none: of one series from row `start` to before `end`. */
export function filled(times, start, end, step) {
  const count = stepsBetween(times[start], times[end - 1], step) + 1;
  const rows = new Array(count).fill(-1);
  for (let row = start; row < end; row++) rows[stepsBetween(times[start], times[row], step)] = row;
  return { times: rows.map((_, place) => continued(times[start], step, place)), rows };
}

/** The moment so many steps after another. The 30th of a shorter month is its last day. */
export function continued(moment, step, count) {
  if (step.weekdays) {
    const days = weekdaysSince(moment) + count;
    return EPOCH_MONDAY + (7 * Math.floor(days / WORKING) + modulo(days, WORKING)) * DAY + modulo(moment - EPOCH_MONDAY, DAY);
  }
  if (!step.months) return moment + count * step.seconds;
  const anchor = monthOf(moment) + Number(step.fromEnd);
  const [month, within] = [anchor + count * step.months, moment - beginOf(anchor)];
  const last = beginOf(month + 1 - Number(step.fromEnd)) - DAY + modulo(within, DAY);
  return Math.min(beginOf(month) + within, last);
}

/** The moment as people write it, or the number that counts, of a table with such steps. */
export function spelled(moment, { isCount }) {
  if (isCount) return String(moment);
  const text = new Date(moment * 1000).toISOString().slice(0, -5).replace("T", " ");
  return text.endsWith(" 00:00:00") ? text.slice(0, -9) : text.replace(/:00$/, "");
}

/** Sine and cosine of where a moment stands in each cycle. */
export function clockFeatures(moment, names) {
  return names.flatMap((name) => {
    const angle = 2 * Math.PI * CYCLES[name](moment);
    return [Math.sin(angle), Math.cos(angle)];
  });
}

function turnsOf(moment, seconds) {
  return modulo(moment - EPOCH_MONDAY, seconds) / seconds;
}

/** Months since January 1970. */
function monthOf(moment) {
  const date = new Date(moment * 1000);
  return 12 * (date.getUTCFullYear() - 1970) + date.getUTCMonth();
}

/** The first moment of a month. */
function beginOf(month) {
  return new Date(0).setUTCFullYear(1970 + Math.floor(month / 12), modulo(month, 12), 1) / 1000;
}

function modulo(number, size) {
  return ((number % size) + size) % size;
}
