/** Subwords without any loss of text, as `fields/subwords.py` cuts and joins them. */

import { text as decode, readFields } from "./protobuf.js";
import { SentencePiece } from "./sentencepiece.js";
import { SPECIALS } from "./vocabulary.js";

const BLANK = "\u2581"; // sentencepiece writes a blank so
// Characters that sentencepiece would take for its own marks: \ufdd0, never a character, and a letter.
const ESCAPES = { "\ufdd0": "\ufdd0.", [BLANK]: "\ufdd0_", "\u2585": "\ufdd0=", "\0": "\ufdd00" };
const ESCAPED = Object.fromEntries(Object.entries(ESCAPES).map(([character, escape]) => [escape, character]));
const BYTE = /^<0x([0-9A-F]{2})>$/;
const encoder = new TextEncoder();
const NORMALIZER = 3; // the field of a model that says how it normalises
const FOLDING = "nmt"; // the name there of ready models that take tabs and line breaks for blanks

/** A trained subword model: `join(split(text))` is the text, whatever it holds. */
export class Subwords {
  #model;
  #folds; // whether tabs and line breaks are blanks

  /** @param {string} model the serialised model in base64 */
  constructor(model, byteFallback = true) {
    const proto = Uint8Array.from(atob(model), (character) => character.charCodeAt(0));
    this.#model = new SentencePiece(proto);
    this.#folds = folds(proto);
    this.byteFallback = byteFallback;
    this.pieces = this.#model.pieces.slice(SPECIALS.length);
  }

  split(text) {
    if (!text) return [];
    const marked = ` ${escape(this.#folds ? folded(text) : text)}`.replaceAll(" ", BLANK);
    const pieces = this.#model.split(marked);
    return this.byteFallback ? pieces.flatMap((piece) => (this.#model.isKnown(piece) ? [piece] : spell(piece))) : this.#joinUnknown(pieces);
  }

  /** The text; bytes that are not UTF-8, which a network can produce, are shown as U+FFFD. */
  join(symbols) {
    const joined = this.byteFallback ? decode(toBytes(symbols)) : symbols.join("");
    const text = joined.replaceAll(BLANK, " ").replace(/^ /, "");
    return text.replace(/\ufdd0[._=0]/g, (found) => ESCAPED[found]);
  }

  /** Unknown characters that stand together are one unknown piece. */
  #joinUnknown(pieces) {
    const joined = [];
    let isUnknown = false;
    for (const piece of pieces) {
      const wasUnknown = isUnknown;
      isUnknown = !this.#model.isKnown(piece);
      if (wasUnknown && isUnknown) joined.push(joined.pop() + piece);
      else joined.push(piece);
    }
    return joined;
  }
}

/** Whether a model says that it normalises as `FOLDING` does. */
function folds(proto) {
  const normalizer = [...readFields(proto)].findLast(([number]) => number === NORMALIZER)?.[1] ?? [];
  return normalizer.length > 0 && [...readFields(normalizer)].some(([number, value]) => number === 1 && decode(value) === FOLDING);
}

/** One blank for each run of tabs, line breaks and blanks; runs of blanks alone stay. */
function folded(text) {
  return text.replace(/[ \t\n\f\r\u1680\u2028\u2029]+/g, (found) => (/^ +$/.test(found) ? found : " "));
}

function escape(text) {
  return text.replace(/[\ufdd0\u2581\u2585\0]/g, (character) => ESCAPES[character]);
}

/** A character that was never seen, as its bytes in UTF-8: "<0xE2>" and so on. */
function spell(character) {
  return Array.from(encoder.encode(character), (byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`);
}

function toBytes(symbols) {
  return Uint8Array.from(symbols.flatMap((symbol) => (BYTE.test(symbol) ? [parseInt(BYTE.exec(symbol)[1], 16)] : [...encoder.encode(symbol)])));
}
