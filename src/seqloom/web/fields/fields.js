/** Fields: from texts to ids and back, exactly as `fields.py` does it, from the state that a model carries. */

import { Column, buildColumns, unitOf } from "./columns.js";
import { EOS, SEP, SEPARATOR, Vocabulary } from "./vocabulary.js";

export const FORMAT = 1;
const READABLE = new Set(["text", "tokens"]);

/** Both sides of a task. */
export class Fields {
  /**
   * @param {object} state what `Fields.state` in Python gives and `fields.json` holds
   * @throws {Error} another format, or a kind of data that is no text.
   */
  constructor(state) {
    const { config } = state;
    if (state.format !== FORMAT) throw new Error(`fields: format ${state.format}; expected ${FORMAT}. Export the model again.`);
    for (const { kind } of [...config.source, config.target]) {
      if (!READABLE.has(kind)) throw new Error(`fields: a field of kind '${kind}'; expected text or tokens. Use the model from Python.`);
    }
    this.names = state.names;
    this.source = new SourceField(buildColumns(config.source, state.source.subwords), new Vocabulary(state.source.vocabulary));
    this.target = config.shared ? new TargetField(this.source.columns[0], this.source.vocabulary) : targetOf(config.target, state.target);
  }

  /**
   * For each source position the id of its symbol among the targets, (S,), and the source symbols that targets do not have.
   *
   * Symbol k of the second has id V + k. -1 stands where nothing can be copied: at </s>, <sep> and columns that are cut differently
   * from the target.
   */
  copyIds(source) {
    const extra = [];
    const ids = this.source.split(source).flatMap((symbols, index) => {
      const canCopy = this.source.columns[index].hasSameSymbols(this.target.column);
      return [...symbols.map((symbol) => (canCopy ? this.#targetId(symbol, extra) : -1)), -1];
    });
    return [ids, extra];
  }

  /** As `target.encode`, but an unknown symbol that `extra` has at k gets id V + k. */
  encodeTarget(target, extra) {
    const { vocabulary } = this.target;
    return this.target.column.split(target).map((symbol) => {
      const place = vocabulary.has(symbol) ? -1 : extra.indexOf(symbol);
      return place < 0 ? vocabulary.id(symbol) : vocabulary.size + place;
    });
  }

  #targetId(symbol, extra) {
    const { vocabulary } = this.target;
    if (vocabulary.has(symbol)) return vocabulary.id(symbol);
    if (!extra.includes(symbol)) extra.push(symbol);
    return vocabulary.size + extra.indexOf(symbol);
  }
}

/** One or more source columns as one sequence of ids, <sep> between columns and </s> at the end. */
export class SourceField {
  constructor(columns, vocabulary) {
    this.columns = columns;
    this.vocabulary = vocabulary;
  }

  /** The symbols of each column, without namespaces. */
  split(texts) {
    if (texts.length !== this.columns.length) {
      throw new Error(`source: ${texts.length} columns; expected ${this.columns.length}. Give those that the model was trained with, in order.`);
    }
    return texts.map((text, index) => this.columns[index].split(text));
  }

  /** The symbols as they were written, <sep> between columns. */
  symbols(texts) {
    return this.split(texts).flatMap((part, index) => (index ? [SEPARATOR, ...part] : part));
  }

  /** The symbols that the vocabulary does not have, in order, as often as they occur. */
  unknown(texts) {
    return this.split(texts).flatMap((part, index) => part.filter((symbol) => !this.vocabulary.has(this.columns[index].key(symbol))));
  }

  /** Ids (S,), with </s> at the end; an empty text in a single column gives S = 1. */
  encode(texts) {
    const ids = this.split(texts).flatMap((part, index) => {
      const own = part.map((symbol) => this.vocabulary.id(this.columns[index].key(symbol)));
      return index ? [SEP, ...own] : own;
    });
    return [...ids, EOS];
  }
}

/** Text or tokens of the target as ids, without <s> and </s>. */
export class TargetField {
  constructor(column, vocabulary) {
    this.column = column;
    this.vocabulary = vocabulary;
  }

  /** Ids (T,); the empty text has T = 0. */
  encode(text) {
    return this.column.split(text).map((symbol) => this.vocabulary.id(symbol));
  }

  /** The text of ids up to the first </s>; an unknown symbol is shown as "<unk>". */
  decode(ids, extra = []) {
    return this.column.unit.join(this.vocabulary.symbols(ids, extra));
  }
}

function targetOf(config, { vocabulary, subwords }) {
  return new TargetField(new Column(config, unitOf(config, subwords[0])), new Vocabulary(vocabulary));
}
