/**
 * A sentencepiece model (Kudo & Richardson 2018): its pieces and their scores, and how it cuts a text that is normalised already.
 *
 * Byte-pair encoding merges the neighbours whose joint piece scores best, the leftmost of equal ones. The unigram model takes the pieces
 * whose scores add up to the most. Both count in float32, as the library does: a sum in float64 would break ties otherwise.
 */

import { Heap } from "./heap.js";
import { readFields, text } from "./protobuf.js";

const NORMAL = 1; // the type of a piece that a text can hold; the others are specials and bytes
const UNIGRAM = 1;
const UNKNOWN_PENALTY = 10;

/** How a model cuts a text. */
export class SentencePiece {
  #scores = new Map();
  #isUnigram = true; // the format's own default

  /** @param {Uint8Array} proto a serialised ModelProto */
  constructor(proto) {
    this.pieces = [];
    for (const [number, value] of readFields(proto)) {
      if (number === 1) this.#addPiece(value);
      if (number === 2) this.#readTrainer(value);
    }
    const scores = [...this.#scores.values()];
    this.unknownScore = Math.fround(scores.reduce((least, score) => Math.min(least, score), Infinity) - UNKNOWN_PENALTY);
    this.longest = [...this.#scores.keys()].reduce((most, piece) => Math.max(most, piece.length), 1);
  }

  /** The pieces of a text, single characters where no piece is known. */
  split(text) {
    return this.#isUnigram ? this.#likeliest(text) : this.#merge([...text]);
  }

  isKnown(piece) {
    return this.#scores.has(piece);
  }

  #addPiece(message) {
    let piece = "";
    let score = 0;
    let type = NORMAL;
    for (const [number, value] of readFields(message)) {
      if (number === 1) piece = text(value);
      if (number === 2) score = value;
      if (number === 3) type = value;
    }
    this.pieces.push(piece);
    if (type === NORMAL) this.#scores.set(piece, score);
  }

  #readTrainer(message) {
    for (const [number, value] of readFields(message)) if (number === 3) this.#isUnigram = value === UNIGRAM;
  }

  /** Byte-pair encoding (Sennrich et al. 2016): neighbours are joined whose piece scores best, then the leftmost. */
  #merge(symbols) {
    const parts = [...symbols]; // "" where one was joined to that before it
    const before = parts.map((_, place) => place - 1);
    const behind = parts.map((_, place) => place + 1);
    const heap = new Heap((one, other) => one.score > other.score || (one.score === other.score && one.left < other.left));
    const offer = (left, right) => {
      if (left < 0 || right >= parts.length) return;
      const piece = parts[left] + parts[right];
      const score = this.#scores.get(piece);
      if (score > -Infinity) heap.push({ left, right, piece, score });
    };
    behind.forEach((right, left) => offer(left, right));
    for (let best = heap.pop(); best; best = heap.pop()) {
      const { left, right, piece } = best;
      const isThere = parts[left] && behind[left] === right && parts[left].length + parts[right].length === piece.length;
      if (!isThere) continue; // one of both was joined to another meanwhile
      parts[left] = piece;
      parts[right] = "";
      behind[left] = behind[right];
      if (behind[left] < parts.length) before[behind[left]] = left;
      offer(before[left], left);
      offer(left, behind[left]);
    }
    return parts.filter(Boolean);
  }

  /** The best way through the unigram model (Kudo 2018), by Viterbi's algorithm. */
  #likeliest(text) {
    const best = new Float32Array(text.length + 1).fill(-Infinity); // of a way that ends before each place
    const begins = new Int32Array(text.length + 1).fill(-1); // where its last piece begins
    best[0] = 0;
    const offer = (start, end, score) => {
      const sum = Math.fround(best[start] + score);
      if (begins[end] >= 0 && !(sum > best[end])) return;
      best[end] = sum;
      begins[end] = start;
    };
    for (let start = 0; start < text.length; ) {
      const one = start + (text.codePointAt(start) > 0xffff ? 2 : 1);
      for (let end = one; end <= Math.min(text.length, start + this.longest); end++) {
        const score = this.#scores.get(text.slice(start, end));
        if (score !== undefined) offer(start, end, score);
        else if (end === one) offer(start, end, this.unknownScore);
      }
      start = one;
    }
    return walkBack(text, begins);
  }
}

function walkBack(text, begins) {
  const pieces = [];
  for (let end = text.length; end > 0; end = begins[end]) pieces.push(text.slice(begins[end], end));
  return pieces.reverse();
}
