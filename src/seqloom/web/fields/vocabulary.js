/** Symbols and their ids, as `fields/vocabulary.py` has them. */

export const [PAD, BOS, EOS, UNK, SEP] = [0, 1, 2, 3, 4];
export const SPECIALS = ["<pad>", "<s>", "</s>", "<unk>"];
/** Stands between the columns of a source that has several; its id is SEP. */
export const SEPARATOR = "<sep>";

/**
 * Ids of symbols: the four specials, then the reserved symbols, then the data's own.
 *
 * Specials and reserved symbols are reached by number only: "<s>" in the data is an ordinary symbol, with an id of its own.
 */
export class Vocabulary {
  #symbols;
  #ids;

  /** @param {{reserved: string[], symbols: string[]}} state what `Vocabulary.state` in Python gives */
  constructor({ reserved, symbols }) {
    const first = SPECIALS.length + reserved.length;
    this.#symbols = [...SPECIALS, ...reserved, ...symbols];
    this.#ids = new Map(symbols.map((symbol, index) => [symbol, first + index]));
  }

  get size() {
    return this.#symbols.length;
  }

  has(symbol) {
    return this.#ids.has(symbol);
  }

  /** The id of a symbol of the data; UNK when it is not known. */
  id(symbol) {
    return this.#ids.get(symbol) ?? UNK;
  }

  /** The symbols of ids up to the first </s>, without <pad> and <s>; id V + k is the copied symbol extra[k]. */
  symbols(ids, extra = []) {
    const end = ids.indexOf(EOS);
    return (end < 0 ? ids : ids.slice(0, end))
      .filter((id) => id !== PAD && id !== BOS)
      .map((id) => this.#symbols[id] ?? extra[id - this.size] ?? SPECIALS[UNK]);
  }
}
