/** From what a head says of each number to a point and to quantiles, as in `numbers/distributions.py` and `numbers/spread.py`. */

const NARROWEST = 1e-3; // of the width that a head says, in scaled units
const [CALMEST, WILDEST] = [0.1, 10]; // beside the usual change: a window that changes less, or more, counts as one that changes so

/** Where the point stands among the parameters of a number: the mean, the median, or the quantile nearest to it. */
export function placeOfPoint(head) {
  if (head.kind !== "quantile") return 0;
  const farness = head.levels.map((level) => Math.abs(level - 0.5));
  return farness.indexOf(Math.min(...farness));
}

/**
 * The levels that a head can give: those asked for, each once, from the lowest, or its own; none for a head of points, of which a spread gives
 * those asked for.
 *
 * @param {{kind: string, levels?: number[]}} head
 * @param {number[] | undefined} given
 * @param {{levels: number[]} | undefined} spread
 */
export function levelsOf(head, given, spread) {
  const asked = [...new Set(given ?? [])].sort((a, b) => a - b);
  const isAsked = asked.length > 0;
  if (isAsked && spread) {
    const [least, most] = [spread.levels[0], spread.levels.at(-1)];
    const beyond = asked.find((level) => level < least || level > most);
    if (beyond !== undefined) throw new Error(`quantile ${beyond}: measured on dev are ${least} to ${most}. Ask for one between them.`);
    return asked;
  }
  if (head.kind === "quantile") {
    const missing = asked.find((level) => !head.levels.includes(level));
    if (missing !== undefined) throw new Error(`quantile ${missing}: the model was trained for ${head.levels.join(", ")}. Ask for those.`);
    return isAsked ? asked : head.levels;
  }
  if (Object.hasOwn(INVERSES, head.kind)) return isAsked ? asked : [0.1, 0.5, 0.9];
  if (isAsked) throw new Error(`quantiles: a head of kind '${head.kind}' says points only. Train with --quantiles.`);
  return [];
}

/** The quantile of a number from the parameters that the head says of it. */
export function quantileOf(head, parameters, level) {
  return head.kind === "quantile" ? parameters[head.levels.indexOf(level)] : INVERSES[head.kind](parameters, level);
}

/** How wide the head says that truth lies about its point: half its outermost quantiles' distance, a deviation; 1 where it says points alone. */
export function widthOf(head, parameters) {
  if (head.kind === "quantile" && parameters.length > 1) return Math.max((parameters.at(-1) - parameters[0]) / 2, NARROWEST);
  return Object.hasOwn(INVERSES, head.kind) ? Math.max(parameters[1], NARROWEST) : 1;
}

/**
 * How far the truth lay from the forecast on dev at a level, on a line between the levels that were measured, in units of a window.
 *
 * @param {{levels: number[], errors: number[][][]}} spread
 */
export function errorAt({ levels, errors }, step, column, level) {
  const low = Math.min(levels.findLastIndex((known) => known <= level), levels.length - 2);
  const share = (level - levels[low]) / (levels[low + 1] - levels[low]);
  return errors[step][column][low] * (1 - share) + errors[step][column][low + 1] * share;
}

/** The unit of errors of a window that changes so much, where the head says a width. */
export function unitOf({ usual }, column, width, change) {
  const ratio = (Number.isNaN(change) ? usual[column] : change) / usual[column];
  return width * Math.sqrt(Math.min(Math.max(ratio, CALMEST), WILDEST));
}

const INVERSES = {
  gaussian: ([mean, deviation], level) => mean + deviation * normalQuantile(level),
  student_t: ([place, spread, freedom], level) => place + spread * studentQuantile(level, freedom),
};

/** The quantile of Student's t, for degrees of freedom above 2 (Hill 1970, CACM algorithm 396). */
export function studentQuantile(level, n) {
  if (level === 0.5) return 0;
  const twoSided = 2 * Math.min(level, 1 - level);
  const a = 1 / (n - 0.5);
  const b = 48 / a / a;
  let c = (((20700 * a) / b - 98) * a - 16) * a + 96.36;
  const d = ((94.5 / (b + c) - 3) / b + 1) * Math.sqrt((a * Math.PI) / 2) * n;
  const y = (d * twoSided) ** (2 / n);
  const normal = -normalQuantile(twoSided / 2);
  const square = normal ** 2;
  if (n < 5) c += 0.3 * (n - 4.5) * (normal + 0.6);
  c = (((0.05 * d * normal - 5) * normal - 7) * normal - 2) * normal + b + c;
  const z = (((((0.4 * square + 6.3) * square + 36) * square + 94.5) / c - square - 3) / b + 1) * normal;
  const tail = ((1 / (((n + 6) / (n * y) - 0.089 * d - 0.822) * (n + 2) * 3) + 0.5 / (n + 4)) * y - 1) * ((n + 1) / (n + 2)) + 1 / y;
  return Math.sqrt(n * (y > 0.05 + a ? Math.expm1(a * z * z) : tail)) * (level > 0.5 ? 1 : -1);
}

// Wichura 1988, algorithm AS 241: the highest power first, numerator and denominator.
const CENTRE = [
  [2509.0809287301226727, 33430.575583588128105, 67265.770927008700853, 45921.953931549871457, 13731.693765509461125, 1971.5909503065514427, 133.14166789178437745, 3.387132872796366608],
  [5226.495278852854561, 28729.085735721942674, 39307.89580009271061, 21213.794301586595867, 5394.1960214247511077, 687.1870074920579083, 42.313330701600911252, 1],
];
const MIDDLE = [
  [7.7454501427834140764e-4, 0.0227238449892691845833, 0.24178072517745061177, 1.27045825245236838258, 3.64784832476320460504, 5.7694972214606914055, 4.6303378461565452959, 1.42343711074968357734],
  [1.05075007164441684324e-9, 5.475938084995344946e-4, 0.0151986665636164571966, 0.14810397642748007459, 0.68976733498510000455, 1.6763848301838038494, 2.05319162663775882187, 1],
];
const TAIL = [
  [2.01033439929228813265e-7, 2.71155556874348757815e-5, 0.0012426609473880784386, 0.026532189526576123093, 0.29656057182850489123, 1.7848265399172913358, 5.4637849111641143699, 6.6579046435011037772],
  [2.04426310338993978564e-15, 1.4215117583164458887e-7, 1.8463183175100546818e-5, 7.868691311456132591e-4, 0.0148753612908506148525, 0.13692988092273580531, 0.59983220655588793769, 1],
];

/** The quantile of the normal distribution. */
export function normalQuantile(level) {
  const q = level - 0.5;
  if (Math.abs(q) <= 0.425) return q * ratio(CENTRE, 0.180625 - q * q);
  const r = Math.sqrt(-Math.log(q <= 0 ? level : 1 - level));
  return (r <= 5 ? ratio(MIDDLE, r - 1.6) : ratio(TAIL, r - 5)) * Math.sign(q);
}

function ratio([above, below], x) {
  const [numerator, denominator] = [above, below].map((factors) => factors.reduce((sum, factor) => sum * x + factor, 0));
  return numerator / denominator;
}
