/** Digits of all scripts, which Python reads as numbers too. */

const DIGIT = /^\p{Nd}$/u;

/** A text with its digits in figures from 0 to 9, whatever script its digits are of: those of one stand together, from its zero on. */
export function inFigures(cell) {
  return cell.replace(/(?![0-9])\p{Nd}/gu, (digit) => {
    let first = digit.codePointAt(0);
    while (DIGIT.test(String.fromCodePoint(first - 1))) first--;
    return (digit.codePointAt(0) - first) % 10;
  });
}
