/** The words of refusals, as Python writes them: a value in one short line, and the name that was meant. */

const [LONGEST, SHOWN] = [80, 40]; // characters of what is quoted, and of a value
const LISTED = 8; // symbols
const ALIKE = 0.6;
const NAMED = { "\n": "\\n", "\r": "\\r", "\t": "\\t", "\\": "\\\\" };
const TRUTHS = [true, false, null];

/** A value as `refusals.py` shows it. */
export function shown(value) {
  if (TRUTHS.includes(value)) return String(value);
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (typeof value === "object") return `a JSON object of ${Object.keys(value).length}`;
  const written = typeof value === "string" ? quoted(value) : String(value).replace("NaN", "nan").replace("Infinity", "inf");
  return cut(written, SHOWN);
}

/** The text, or its begin and `...`. */
export function cut(text, most = LONGEST) {
  const characters = [...text];
  return characters.length > most ? `${characters.slice(0, most - 3).join("")}...` : text;
}

/** A text between quotes, as Python's `repr` has it. */
export function quoted(text) {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  return quote + Array.from(text, (character) => escaped(character, quote)).join("") + quote;
}

/** The first of some symbols, quoted, and how many more there are. */
export function listed(symbols) {
  const more = symbols.length > LISTED ? ` and ${(symbols.length - LISTED).toLocaleString("en")} more` : "";
  return symbols.slice(0, LISTED).map((symbol) => cut(quoted(symbol))).join(", ") + more;
}

/** The words that offer the nearest known name: ` Did you mean 'beam'?`, or nothing; by the ratio of `difflib` (Ratcliff & Metzener 1988). */
export function nearest(name, known) {
  const word = [...name];
  const scored = known.map((other) => ({ other, ratio: likeness([...other], word) })).filter(({ ratio }) => ratio >= ALIKE);
  const best = scored.reduce((most, one) => (!most || one.ratio > most.ratio || (one.ratio === most.ratio && one.other > most.other) ? one : most), null);
  return best ? ` Did you mean ${quoted(best.other)}?` : "";
}

/** The beginning of a text, with a mark for what cannot be seen. */
export function printable(text) {
  return Array.from(cut(text), (character) => (isPrintable(character) ? character : "\ufffd")).join("");
}

function isPrintable(character) {
  return character === " " || !/[\p{C}\p{Z}]/u.test(character);
}

function escaped(character, quote) {
  if (character === quote) return `\\${character}`;
  if (Object.hasOwn(NAMED, character)) return NAMED[character];
  if (isPrintable(character)) return character;
  const code = character.codePointAt(0).toString(16);
  const [mark, width] = code.length < 3 ? ["x", 2] : code.length < 5 ? ["u", 4] : ["U", 8];
  return `\\${mark}${code.padStart(width, "0")}`;
}

function likeness(one, other) {
  const both = one.length + other.length;
  if (2 * Math.min(one.length, other.length) < ALIKE * both) return 0;
  return (2 * inCommon(one, other)) / both;
}

/** Characters of the longest run that both have, and of those on either side of it. */
function inCommon(one, other) {
  let [longest, here, there] = [0, 0, 0];
  for (let i = 0; i < one.length; i++) {
    for (let j = 0; j < other.length; j++) {
      let size = 0;
      while (i + size < one.length && one[i + size] === other[j + size]) size++;
      if (size > longest) [longest, here, there] = [size, i, j];
    }
  }
  if (!longest) return 0;
  return longest + inCommon(one.slice(0, here), other.slice(0, there)) + inCommon(one.slice(here + longest), other.slice(there + longest));
}
