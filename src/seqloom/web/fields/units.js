/**
 * What a text is cut into: characters, words, tokens, as `fields/units.py` cuts it (subwords have a module of their own).
 *
 * Letters, cases, compositions and grapheme clusters come from the browser's Unicode tables, which may be of another year than Python's:
 * docs/browser.md says what differs.
 */

import { BLANK, strip } from "./blanks.js";

/** ￭, the mark of OpenNMT's tokenizer (Klein et al. 2017). */
export const JOINER = "\uffed";

const BLANKS = new RegExp(`${BLANK}+`, "u");
// Blanks; letters, marks and digits, joined by ZWNJ and ZWJ in Persian and Indic words. All else is one cluster.
const RUN = / +|[\p{L}\p{M}\p{N}_\u200c\u200d]+/uy;
const WORD = /^[\p{L}\p{M}\p{N}_\u200c\u200d]/u;
const ONLY_JOINERS = /^\uffed*$/;
const NEAR = 32; // places in which a cluster is looked for first
const CLUSTERS = new Intl.Segmenter("und", { granularity: "grapheme" });

/** Grapheme clusters (Unicode annex 29); decomposed: code points of NFD, composed again when joined. */
export class Characters {
  constructor(decompose = false) {
    this.decompose = decompose;
  }

  split(text) {
    if (this.decompose) return [...text.normalize("NFD")];
    return Array.from(CLUSTERS.segment(text), ({ segment }) => segment);
  }

  join(symbols) {
    const text = symbols.join("");
    return this.decompose ? text.normalize("NFC") : text;
  }
}

/**
 * Words and single other characters, and joiners on those others where no blank stands beside them, so that joining restores the text.
 *
 * A word is the same symbol wherever it stands: quotes, brackets and commas say what they touch. One blank between two symbols is
 * understood. Further ones are symbols themselves (joiner and blanks), before the understood one; at the start of a text the joiner
 * alone stands for nothing before the understood blank. A joiner in the text is doubled, and is touched by a word that has one.
 */
export class Words {
  split(text) {
    const parts = wordsAndBlanks(text);
    const last = parts.length - 1;
    const symbols = [];
    let isGlued = false;
    parts.forEach((part, index) => {
      const isBlank = part[0] === " ";
      const symbol = part[0] === JOINER ? JOINER + part : part;
      if (isBlank) {
        if (index === last || index === 0 || part.length > 1) symbols.push(JOINER + (index === last ? part : part.slice(1)));
      } else if (!isGlued) {
        symbols.push(symbol);
      } else if (WORD.test(part) && !ONLY_JOINERS.test(symbols.at(-1))) {
        symbols.push(symbols.pop() + JOINER, part);
      } else {
        symbols.push(JOINER + symbol);
      }
      isGlued = !isBlank;
    });
    return symbols;
  }

  join(symbols) {
    let text = "";
    let isGlued = true;
    for (const symbol of symbols) {
      const marks = symbol.match(/^\uffed*/)[0].length; // 1: joined; 2: a joiner in the text; 3: both
      if (!isGlued && marks % 2 === 0) text += " ";
      isGlued = marks < symbol.length && symbol.endsWith(JOINER);
      text += symbol.slice((marks + 1) >> 1, isGlued ? -1 : undefined);
    }
    return text;
  }
}

/** What stands between separators; " " is any run of blanks. */
export class Tokens {
  constructor(separator = " ") {
    this.separator = separator;
  }

  split(text) {
    if (this.separator === " ") return text.split(BLANKS).filter(Boolean);
    return text ? text.split(this.separator) : [];
  }

  join(symbols) {
    return symbols.join(this.separator);
  }
}

/** The text in the field's Unicode form and case, of whole words; half a surrogate pair, which is no text, becomes U+FFFD. */
export function clean(config, text) {
  const composed = compose(config, together(config.pieces, text).replace(/\p{Cs}/gu, "\ufffd"));
  return config.lowercase ? compose(config, composed.toLowerCase()) : composed;
}

/** The text with the pieces put together into which its words were cut before, as `fields/pieces.py` does it. */
function together(mark, text) {
  if (mark === "@@") return text.replace(/@@(?: |$)/g, "");
  if (mark === "\u2581" && text.includes(mark)) return strip(text.replaceAll(" ", "").replaceAll(mark, " "));
  return mark === JOINER ? text.replace(/ ?\uffed ?/g, "") : text;
}

function compose(config, text) {
  if (config.normalization !== "none") return text.normalize(config.normalization);
  return config.unit === "character" && config.decompose ? text.normalize("NFC") : text;
}

/** Runs of blanks, words, and the clusters of all else. */
function wordsAndBlanks(text) {
  const [parts, clusterBegunAt] = [[], clustersOf(text)];
  for (let place = 0; place < text.length; place += parts.at(-1).length) {
    RUN.lastIndex = place;
    parts.push(RUN.exec(text)?.[0] ?? clusterBegunAt(place));
  }
  return parts;
}

/** What gives the cluster that begins at a place of a text, as if nothing stood before it; each place lies behind the one before. */
function clustersOf(text) {
  const clusters = CLUSTERS.segment(text)[Symbol.iterator](); // gone through once: to find a place in it takes as long as the text
  let [begin, segment] = [-1, ""];
  return (place) => {
    while (begin < place) ({ index: begin, segment } = clusters.next().value ?? { index: text.length, segment: "" });
    return begin === place ? segment : clusterAt(text, place);
  };
}

/** The same where a word goes into the cluster. Where one ends tells the character behind it, which has two places at the most. */
function clusterAt(text, place) {
  for (let size = NEAR; ; size *= 2) {
    const { segment } = CLUSTERS.segment(text.slice(place, place + size))[Symbol.iterator]().next().value;
    if (segment.length + 2 <= size || place + size >= text.length) return segment;
  }
}
