/** Blanks around texts, as Python's `str.strip` takes them off: not what `trim` does here. */

/** What Python takes for a blank, as a class of a regular expression. */
export const BLANK = "[\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]";
const ONE = new RegExp(`^${BLANK}$`, "u");

/** The text without the blanks around it. */
export function strip(text) {
  return stripEnd(stripBegin(text));
}

/** The text without the blanks before it. */
export function stripBegin(text) {
  let begin = 0;
  while (begin < text.length && ONE.test(text[begin])) begin++;
  return text.slice(begin);
}

/** The text without the blanks behind it; an expression for them at an end would look at each run of blanks anew from each of its places. */
export function stripEnd(text) {
  let end = text.length;
  while (end > 0 && ONE.test(text[end - 1])) end--;
  return text.slice(0, end);
}
