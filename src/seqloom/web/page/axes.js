/** Where the marks of an axis stand, and what they say. */

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const STEPS = [MINUTE, 5 * MINUTE, 15 * MINUTE, 30 * MINUTE, HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, DAY, 2 * DAY, 7 * DAY, 14 * DAY];
const MONTHS = [1, 2, 3, 6, 12, 24, 60, 120, 240];
const MONDAY = 4 * DAY; // the first one after the beginning of 1970
const ISO = /^\d{4}-\d{2}-\d{2}(?:[ T]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?)?$/;

/**
 * Round numbers from `low` to `high`, about so many.
 *
 * @returns {{at: number, label: string}[]}
 */
export function numberMarks(low, high, count) {
  const rough = (high - low || Math.abs(high) || 1) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].find((factor) => factor * power >= rough * 0.999) * power;
  const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  const most = Math.max(Math.abs(low), Math.abs(high));
  const decimals = Math.min(digits, 20);
  const figures = Math.min(Math.floor(Math.log10(most)) - Math.floor(Math.log10(step) + 1e-9) + 1, 21); // that tell one mark from the next
  const format = new Intl.NumberFormat(
    "en",
    most >= 1e6 ? { notation: "compact", maximumSignificantDigits: figures } : { minimumFractionDigits: decimals, maximumFractionDigits: decimals },
  );
  const first = Math.ceil(low / step - 1e-9);
  const marks = Array.from({ length: Math.floor(high / step + 1e-9) - first + 1 }, (_, place) => (first + place) * step);
  return marks.map((at) => ({ at, label: format.format(at || 0).replace("-", "−") }));
}

/** The moment in milliseconds that a text in ISO form says, NaN where it says none. Times have no zone here, so they are taken for UTC. */
export function momentOf(text) {
  return ISO.test(text) ? Date.parse(`${text.replace(" ", "T")}${text.length > 10 ? "Z" : ""}`) : NaN;
}

/**
 * Round moments from `low` to `high` in milliseconds, at most so many.
 *
 * @returns {{at: number, label: string}[]}
 */
export function timeMarks(low, high, count) {
  const step = STEPS.find((step) => (high - low) / step <= count);
  const moments = step ? everyStep(low, high, step) : everyMonths(low, high, count);
  const format = new Intl.DateTimeFormat("en-GB", { timeZone: "UTC", ...shapeOf(step) });
  const day = new Intl.DateTimeFormat("en-GB", { timeZone: "UTC", day: "numeric", month: "short" });
  return moments.map((at) => ({ at, label: step < DAY && at % DAY === 0 ? day.format(at) : format.format(at) }));
}

function everyStep(low, high, step) {
  const origin = step % (7 * DAY) === 0 ? MONDAY : 0;
  const first = Math.ceil((low - origin) / step);
  return Array.from({ length: Math.max(Math.floor((high - origin) / step) - first + 1, 0) }, (_, place) => origin + (first + place) * step);
}

function everyMonths(low, high, count) {
  const month = (at) => new Date(at).getUTCFullYear() * 12 + new Date(at).getUTCMonth();
  const step = MONTHS.find((step) => (month(high) - month(low)) / step <= count) ?? MONTHS.at(-1);
  const moments = [];
  for (let number = Math.ceil(month(low) / step) * step; number <= month(high); number += step) {
    const at = new Date(0).setUTCFullYear(Math.floor(number / 12), number % 12, 1);
    if (at >= low && at <= high) moments.push(at);
  }
  return moments;
}

function shapeOf(step) {
  if (!step) return { month: "short", year: "numeric" };
  return step < DAY ? { hour: "2-digit", minute: "2-digit" } : { day: "numeric", month: "short" };
}
