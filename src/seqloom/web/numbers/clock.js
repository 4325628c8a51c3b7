/**
 * Moments: checked for order, gaps and duplicates, continued, and shown to a model as sine and cosine, as in `numbers/clock.py`.
 *
 * A moment is a number of seconds since 1970, or one that counts rows. A step is `{months, seconds, fromEnd, isCount, weekdays, opens,
 * closes}`: so many months or so many seconds from row to row; `fromEnd` where a day of the month is counted from its end, `isCount` where
 * the seconds are none, `weekdays` where days are from Monday to Friday, `opens` and `closes` where a day has a first and a last row.
 */

export const [HOUR, DAY, WEEK] = [3600, 86_400, 7 * 86_400];
const SAVING = "If clocks were set for daylight saving, give times with their offsets or in UTC, both of which are read; else ";
const DAYS_SAVING = "If clocks were set for daylight saving, give dates alone, or the times of the place with their offsets; else ";
const SELDOM = 20; // rows to one that does not follow, at the least, where clocks that are set may be the reason
const YEAR = 365.2425 * DAY;
const WORKING = 5; // days of a week, from Monday on
const WIDEST_GAP = 10; // times as many rows as there are may be put in at once,
const MOST_FILLED = 100; // and together
const NIGHTS = 2; // closed times, from which on they are a habit and no gap
const EPOCH_MONDAY = 4 * DAY; // 1970-01-05 was a Monday

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

/** The step that a config names, such as "1 hour", "3 months", "1 month weekday end", "weekday", "1 hour 09:00-17:00 weekday", or a number of rows. */
export function stepOf(text) {
  const [count, unit, ...more] = text.split(" ");
  if (text === "weekday") return { months: 0, seconds: DAY, fromEnd: false, weekdays: true };
  if (!unit) return { months: 0, seconds: Number(count), fromEnd: false, isCount: true };
  const [weekdays, fromEnd] = ["weekday", "end"].map((word) => more.includes(word));
  if (unit.startsWith("month")) return { months: Number(count), seconds: 0, fromEnd, weekdays };
  const sizes = { week: WEEK, day: DAY, hour: HOUR, minute: 60, second: 1 };
  const hours = more.find((part) => part.includes(":"));
  const [opens, closes] = hours ? hours.split("-").map(sinceMidnight) : [0, 0];
  return { months: 0, seconds: Number(count) * sizes[unit.replace(/s$/, "")], fromEnd: false, weekdays, opens, closes };
}

function sinceMidnight(clock) {
  return clock.split(":").reduce((seconds, part, place) => seconds + Number(part) * [HOUR, 60, 1][place], 0);
}

/**
 * The commonest step between rows, none of which may be in `starts`; calendar months where all days of the month are the same or all are
 * its first or last weekday, hours from which to which rows go on each day, and plain numbers where rows are counted.
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
  const onWeekday = fromBegin || fromEnd ? undefined : [true, false].find((end) => areOnWeekdayOfMonth(times, inside, end));
  const usual = usualOf(fromBegin || fromEnd || onWeekday !== undefined ? months : times);
  if (fromBegin || fromEnd) return { months: usual, seconds: 0, fromEnd: !fromBegin };
  if (onWeekday !== undefined) return { months: usual, seconds: 0, fromEnd: onWeekday, weekdays: true };
  if (usual < DAY) return opening(times, inside, usual) ?? { months: 0, seconds: usual, fromEnd: false };
  return { months: 0, seconds: usual, fromEnd: false, weekdays: usual === DAY && areWeekdays(times, inside) };
}

/** Whether all moments are at one time of the day, from Monday to Friday, and a Monday follows a Friday. */
function areWeekdays(times, inside) {
  return new Set(times.map((moment) => modulo(moment, DAY))).size === 1 && leaveWeekendsOut(times, inside);
}

function leaveWeekendsOut(times, inside) {
  const days = times.map((moment) => Math.floor((moment - EPOCH_MONDAY) / DAY));
  const follows = (row) => modulo(days[row], 7) === 0 && days[row] - days[row - 1] === 3;
  return days.every((day) => modulo(day, 7) < WORKING) && inside.some(follows);
}

/** Whether all moments are, at one time of the day, on the last weekday of their months, or on the first, and do not step evenly. */
function areOnWeekdayOfMonth(times, inside, fromEnd) {
  const days = times.map((moment) => Math.floor(moment / DAY) * DAY);
  if (new Set(times.map((moment) => modulo(moment, DAY))).size > 1 || new Set(inside.map((row) => days[row] - days[row - 1])).size < 2) return false;
  return days.every((day) => day === weekdayOfMonth(monthOf(day), fromEnd));
}

/** The last weekday of a month, or the first. */
function weekdayOfMonth(month, fromEnd) {
  const day = fromEnd ? beginOf(month + 1) - DAY : beginOf(month);
  const place = modulo(Math.floor((day - EPOCH_MONDAY) / DAY), 7);
  if (place < WORKING) return day;
  return fromEnd ? day - (place - WORKING + 1) * DAY : day + (7 - place) * DAY;
}

/** The step within days that begin and end, where most of what is left out lies between the end of one and the begin of the next. */
function opening(times, inside, seconds) {
  const clocks = times.map((moment) => modulo(moment, DAY));
  const opens = clocks.reduce((least, clock) => Math.min(least, clock), DAY);
  const closes = clocks.reduce((most, clock) => Math.max(most, clock), 0);
  if (closes <= opens || clocks.some((clock) => (clock - opens) % seconds !== 0)) return null;
  const weekdays = leaveWeekendsOut(times, inside);
  if (!weekdays && closes - opens + seconds >= DAY) return null;
  const step = { months: 0, seconds, fromEnd: false, weekdays, opens, closes };
  const jumps = inside.filter((row) => times[row] - times[row - 1] !== seconds);
  const habit = jumps.filter((row) => continued(times[row - 1], step, 1) === times[row]).length;
  return habit >= NIGHTS && 2 * habit > jumps.length ? step : null;
}

/** The place of a moment among those that a step of weekdays or of opening hours has since a Monday, and whether it has such a moment. */
function placeOf(moment, { seconds, weekdays, opens, closes }) {
  let days = Math.floor((moment - EPOCH_MONDAY) / DAY);
  const clock = modulo(moment - EPOCH_MONDAY, DAY);
  const isWeekday = modulo(days, 7) < WORKING;
  if (weekdays) days = WORKING * Math.floor(days / 7) + modulo(days, 7);
  if (!closes) return { place: days, isThere: isWeekday };
  const slot = Math.floor((clock - opens) / seconds);
  const isOpen = (clock - opens) % seconds === 0 && slot >= 0 && clock <= closes;
  return { place: days * aDay({ seconds, opens, closes }) + slot, isThere: (isWeekday || !weekdays) && isOpen };
}

/** Rows of a day that begins and ends. */
function aDay({ seconds, opens, closes }) {
  return Math.floor((closes - opens) / seconds) + 1;
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
  const earlier = wrong.filter((row) => times[row] < times[row - 1]);
  let putIn = 0;
  for (const row of earlier.length > 1 ? earlier : wrong) {
    const count = stepsBetween(times[row - 1], times[row], step);
    putIn += count - 1;
    if (gapsAllowed && count > 0 && count <= WIDEST_GAP * times.length) continue;
    throw new Error(`${where(row)}: ${faultOf(times[row - 1], times[row], { count, gapsAllowed, wrong: wrong.length, rows: times.length }, step, column)}.`);
  }
  if (putIn > MOST_FILLED * times.length) {
    const [most, rows] = [putIn, times.length].map((number) => number.toLocaleString("en"));
    const what = `between ${rows} rows ${most} are left out, one every ${named(step)}; expected at most ${MOST_FILLED} times the rows`;
    throw new Error(`${where(0)}: ${what}. Mend the times, or give a row for a longer step.`);
  }
}

function faultOf(before, now, { rows, ...found }, step, column) {
  const [fault, todo] = faultAndAdvice(before, now, found, step, column);
  const isAnHourOff = found.wrong <= rows / SELDOM && !step.isCount && !step.months && (step.seconds <= HOUR || step.seconds % DAY === 0) && Math.abs(now - before - step.seconds) === HOUR;
  return `${fault}. ${isAnHourOff ? (step.seconds <= HOUR ? SAVING : DAYS_SAVING) + todo[0].toLowerCase() + todo.slice(1) : todo}`;
}

function faultAndAdvice(before, now, { count, gapsAllowed, wrong }, step, column) {
  const [later, earlier] = [spelled(now, step), spelled(before, step)];
  if (now === before) return [`the same ${column} as the row before (${later})`, "Remove one of the two, or name the column of the series"];
  if (now < before) return [`${later} after ${earlier}`, `Sort the rows by ${column}, or name the column of the series`];
  const follows = `${later} follows ${earlier}`;
  if (!count) return [`${follows}; expected a row every ${named(step)}, or so many of them later`, "Bring the times to even steps"];
  if (gapsAllowed) {
    const steps = `${count.toLocaleString("en")} steps later; expected at most ${WIDEST_GAP} times the rows`;
    return [`${follows}, ${steps}`, "Mend the time, or cut the table there"];
  }
  const rows = `${wrong.toLocaleString("en")} such row${wrong > 1 ? "s" : ""}`;
  return [`${follows}; expected a row every ${named(step)} (${rows})`, "Put in what is missing"];
}

/** A step as messages name it. */
export function named({ months, seconds, fromEnd, isCount, weekdays, opens, closes }) {
  if (isCount) return String(seconds);
  if (weekdays && !months && !closes) return "weekday";
  const units = [["week", WEEK], ["day", DAY], ["hour", HOUR], ["minute", 60], ["second", 1]];
  const [unit, size] = months ? ["month", 1] : units.find(([, size]) => seconds % size === 0);
  const count = (months || seconds) / size;
  const plain = `${count} ${unit}${count > 1 ? "s" : ""}`;
  if (months) return weekdays ? `${plain}, on the ${fromEnd ? "last" : "first"} weekday` : plain;
  const hours = closes ? ` from ${clockOf(opens)} to ${clockOf(closes)}` : "";
  return `${plain}${hours}${weekdays ? ", Monday to Friday" : ""}`;
}

function clockOf(seconds) {
  return new Date(seconds * 1000).toISOString().slice(11, 19).replace(/:00$/, "");
}

/** How many steps lie between moments; 0 where they are not whole. */
function stepsBetween(before, now, step) {
  if (!step.months && (step.weekdays || step.closes)) {
    const [first, second] = [placeOf(before, step), placeOf(now, step)];
    const areThere = first.isThere && second.isThere && (step.closes || (now - before) % DAY === 0);
    return areThere ? second.place - first.place : 0;
  }
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
  if (step.months) return monthsOn(moment, step, count);
  if (!step.weekdays && !step.closes) return moment + count * step.seconds;
  const place = placeOf(moment, step).place + count;
  const [size, opens] = step.closes ? [aDay(step), step.opens] : [1, modulo(moment, DAY)];
  const day = Math.floor(place / size);
  const days = step.weekdays ? 7 * Math.floor(day / WORKING) + modulo(day, WORKING) : day;
  return EPOCH_MONDAY + days * DAY + opens + modulo(place, size) * step.seconds * Number(step.closes > 0);
}

function monthsOn(moment, step, count) {
  if (step.weekdays) return weekdayOfMonth(monthOf(moment) + count * step.months, step.fromEnd) + modulo(moment, DAY);
  const anchor = monthOf(moment) + Number(step.fromEnd);
  const [month, within] = [anchor + count * step.months, moment - beginOf(anchor)];
  const last = beginOf(month + 1 - Number(step.fromEnd)) - DAY + modulo(within, DAY);
  return Math.min(beginOf(month) + within, last);
}

/** How finely moments of a table, and those a step after another, are told, so that all of them are told alike: days, minutes or seconds. */
export function finest(times, { seconds = 0, isCount }) {
  const isFiner = (part) => (!isCount && seconds % part !== 0) || times.some((time) => time % part !== 0);
  return isFiner(60) ? "s" : isFiner(DAY) ? "m" : "D";
}

/** The moment as people write it, or the number that counts, of a table with such steps; to the unit, or without one as short as it can be. */
export function spelled(moment, { isCount }, unit) {
  if (isCount) return String(moment);
  const text = new Date(moment * 1000).toISOString().slice(0, -5).replace("T", " ").replace(/^\+0*/, ""); // which stands before years of more than four digits
  if (unit) return text.slice(0, { D: -9, m: -3 }[unit]);
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
export function monthOf(moment) {
  const date = new Date(moment * 1000);
  return 12 * (date.getUTCFullYear() - 1970) + date.getUTCMonth();
}

/** The first moment of a month. */
export function beginOf(month) {
  return new Date(0).setUTCFullYear(1970 + Math.floor(month / 12), modulo(month, 12), 1) / 1000;
}

export function modulo(number, size) {
  return ((number % size) + size) % size;
}
